"""The streams that one socket is registered on."""

from __future__ import annotations

from django.utils.translation import gettext as _

from streams.errors import InvalidMessage, cannot_publish
from streams.live import Registration


class Registrations(dict[str, Registration]):
    """A socket's registrations by stream, in the order in which their frames are sent."""

    def publishing(self, type_: str, stream_id: object) -> Registration:
        """Return the one that a message of that type belongs to. Raises InvalidMessage or NoPermission."""
        if stream_id:
            found = [each for each in (self.get(str(stream_id)),) if each is not None]
        else:
            found = [each for each in self.values() if type_ in each.produces] or list(self.values())
        if not found:
            raise InvalidMessage(_("Send `register` first."))
        if len(found) > 1:
            raise InvalidMessage(_("Name the `streamId`, because this connection has several streams."))
        registration = found[0]
        if not registration.rights.write:
            raise cannot_publish()
        if type_ not in registration.produces:
            raise InvalidMessage(
                _("You must name `%(type)s` in `produces` when you register.") % {"type": type_[:64]}
            )
        return registration

    def acknowledge(self, number: object, stream_id: object) -> bool:
        """Return credit for the frames up to `number`. Returns False if none of them was unacknowledged."""
        if stream_id is None and len(self) == 1:
            registration = next(iter(self.values()))
        elif isinstance(stream_id, str) and stream_id in self:
            registration = self[stream_id]
        else:
            return False
        return isinstance(number, int) and registration.acknowledge(number)

    def let_others_go_first(self, stream_id: str) -> None:
        """Move a stream to the end, so that the next frame is another stream's."""
        self[stream_id] = self.pop(stream_id)

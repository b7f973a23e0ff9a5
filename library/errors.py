"""Refusals of the library."""

from __future__ import annotations

from django.utils.functional import Promise, lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.errors import Refusal
from library.models import Track
from library.sources.playlists.shape import Problem


def lazy_text(sentence: str, **words: object) -> str | Promise:
    """Return a text in the language of its reader, who is not known yet. `sentence` is marked with gettext_noop."""
    return lazy(lambda: gettext(sentence) % words, str)()


class FileRefused(Refusal):
    """A file from Discord cannot be added. The text names the file and the reason."""

    code = "FILE_REFUSED"
    sentence = _("This file cannot be played.")

    def __init__(self, sentence: str | Promise = "") -> None:
        super().__init__(sentence)
        self.text = sentence or self.sentence


class UploadsOff(Refusal):
    """The operator has turned uploads off (UPLOADS)."""

    code = "UPLOADS_OFF"
    sentence = _("Uploads are turned off on this installation.")
    status = 403


class UploadNotFound(Refusal):
    """The caller has no such upload."""

    code = "UPLOAD_NOT_FOUND"
    sentence = _("This upload does not exist, or was cancelled.")
    status = 404


class UploadTooLarge(Refusal):
    """The file is larger than UPLOAD_MAX_MB. The text has the limit."""

    code = "UPLOAD_TOO_LARGE"
    sentence = _("The file is too large.")
    status = 413


class UploadQuotaReached(Refusal):
    """There is no room for the file: for the person, the guild, or on this installation. The text says which."""

    code = "UPLOAD_QUOTA_REACHED"
    sentence = _("There is no room for this file. Delete uploads that you no longer need.")
    status = 409


class TooManyUnfinished(Refusal):
    """The person has begun too many uploads that are not finished."""

    code = "TOO_MANY_UNFINISHED"
    sentence = _("You have too many unfinished uploads. Finish or cancel some of them first.")
    status = 409


class UploadOutOfStep(Refusal):
    """The part does not continue what was received. Ask for the upload's `offset`, and send the part from there."""

    code = "UPLOAD_OUT_OF_STEP"
    sentence = _("The part does not begin where the last one ended.")
    status = 409


class NothingFound(Refusal):
    """No track matches. The text has the query and says what to do."""

    code = "NO_MATCH"
    sentence = _("Nothing in the library matches this query.")
    status = 404
    track: Track | None = None
    """The track that is no longer available, if the query named one."""


class PlaylistNotFound(Refusal):
    """The playlist does not exist, or the caller may not read it. The response does not show which."""

    code = "PLAYLIST_NOT_FOUND"
    sentence = _("This playlist does not exist, or it is not shared with you.")
    status = 404


class PlaylistForbidden(Refusal):
    """The caller may read the playlist, but not change it in this way. The sentence says who may."""

    code = "FORBIDDEN"
    sentence = _("You do not have permission to change this playlist.")
    status = 403


class TooManyPlaylists(Refusal):
    """The person, or the guild, has reached the limit of playlists."""

    code = "TOO_MANY_PLAYLISTS"
    sentence = _("You have reached the limit of playlists. Delete one that you no longer need.")
    status = 409


class PlaylistFull(Refusal):
    """The playlist, or the list of favorites, has reached its limit (PLAYLIST_MAX_TRACKS)."""

    code = "PLAYLIST_FULL"
    sentence = _("The playlist is full.")
    status = 409


class EntryNotFound(Refusal):
    """The playlist has no such entry."""

    code = "ENTRY_NOT_FOUND"
    sentence = _("This track is no longer in the playlist.")
    status = 404


class TooManyCollaborators(Refusal):
    """The playlist has reached the limit of collaborators."""

    code = "TOO_MANY_COLLABORATORS"
    sentence = _("This playlist has reached the limit of collaborators.")
    status = 409


class CollaboratorNotFound(Refusal):
    """The playlist has no such collaborator, or the person shares no guild with the caller."""

    code = "COLLABORATOR_NOT_FOUND"
    sentence = _("This person is not on any of your servers, or has not used Backline yet.")
    status = 404


class InvalidName(Refusal):
    """The name of a playlist has no visible character."""

    code = "INVALID_NAME"
    sentence = _("A playlist needs a name of 1 to 100 characters.")
    field = "name"


class NotInLibrary(Refusal):
    """An album or artist that does not exist, or has no tracks any longer."""

    code = "NOT_IN_LIBRARY"
    sentence = _("This is no longer in the library.")
    status = 404


class NotAnOperator(Refusal):
    """Only operators may scan the library."""

    code = "NOT_AN_OPERATOR"
    sentence = _("Only operators of this installation may do this.")
    status = 403


class PlaylistUnreadable(Refusal):
    """A file is not a playlist that can be read. The text says why."""

    code = "PLAYLIST_UNREADABLE"
    sentence = _("This file cannot be read as a playlist.")

    def __init__(self, problem: Problem) -> None:
        super().__init__(UNREADABLE[problem])


UNREADABLE: dict[Problem, Promise] = {
    "EMPTY": _("There are no tracks in this playlist."),
    "TOO_LARGE": _("The playlist is too large (limit 2 MB)."),
    "NOT_A_PLAYLIST": _("This is not a playlist. M3U, PLS, XSPF and Backline's JSON can be read."),
    "DAMAGED": _("The playlist is damaged."),
    "HLS": _("This is an HLS stream, which cannot be played."),
}

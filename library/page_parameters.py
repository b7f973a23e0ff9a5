"""The parameters `after` and `limit` of lists that are read in pages."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from accounts.errors import InvalidInput
from library.browse import MAX_PAGE, PAGE

PAGE_PARAMETERS = [
    OpenApiParameter("after", description=gettext_lazy("`next` of the previous page")),
    OpenApiParameter("limit", int, description=gettext_lazy("1 to %(most)s") % {"most": MAX_PAGE}),
]


def page_limit(request: Request, *, default: int = PAGE, most: int = MAX_PAGE) -> int:
    """Return the parameter `limit`. Raises InvalidInput."""
    text = request.query_params.get("limit", str(default))
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        sentence = _("Must be a whole number from %(low)s to %(high)s.") % {"low": 1, "high": most}
        raise InvalidInput({"limit": [sentence]})
    return int(text)

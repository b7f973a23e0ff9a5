"""/attachments/refresh-urls: new signatures for links to attachments.

Discord's documentation and its OpenAPI document do not mention this endpoint. See "Refresh Attachment URLs" in
https://docs.discord.food/topics/cloud-uploads
"""

from sandbox.errors import invalid_form
from sandbox.model import Json
from sandbox.rest.api import Call, Route

MOST_URLS = 50


async def refresh_urls(call: Call) -> Json:
    """Sign links again. They need not be valid, and whether their files still exist is not checked."""
    urls = (await call.object()).get("attachment_urls")
    if not isinstance(urls, list) or not 1 <= len(urls) <= MOST_URLS:
        raise invalid_form({"attachment_urls": f"Must be between 1 and {MOST_URLS} in length."})
    links = call.world.links
    if bad := [index for index, url in enumerate(urls) if not links.is_attachment(str(url))]:
        raise invalid_form({f"attachment_urls.{index}": "Not a well formed attachment URL." for index in bad})
    return {"refreshed_urls": [{"original": url, "refreshed": links.sign(url)} for url in urls]}


ROUTES = [Route("POST", "/attachments/refresh-urls", refresh_urls)]

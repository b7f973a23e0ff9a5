/** Tells the server the browser's time zone, so that pages show local times and days. accounts/zones.py reads it. */

const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
const secure = location.protocol === "https:" ? "; secure" : "";
document.cookie = `timezone=${encodeURIComponent(timeZone ?? "UTC")}; path=/; max-age=31536000; samesite=lax${secure}`;

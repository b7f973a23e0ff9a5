import { existsSync } from "node:fs";

const ROOT = new URL("../../", import.meta.url);

/** If an app's own folder has no such file, look below `static/` at the root. */
export async function resolve(specifier, context, next) {
  if (specifier.startsWith("../") && context.parentURL?.includes("/static/")) {
    const url = new URL(specifier, context.parentURL);
    const shared = new URL(`static/${url.pathname.split("/static/")[1]}`, ROOT);
    if (!existsSync(url) && existsSync(shared)) return next(shared.href, context);
  }
  return next(specifier, context);
}

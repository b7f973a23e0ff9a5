/**
 * For `node --import`: let Node find the modules that pages import. They import each other by their URLs below
 * /static/, but on disk each app has its own folder.
 */

import { register } from "node:module";

register("./served-hook.mjs", import.meta.url);

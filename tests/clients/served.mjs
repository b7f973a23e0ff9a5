/**
 * Let Node find what the modules of pages import, for `node --import`: they name each other as they are served, below
 * /static/, and on disk each app has a folder for its own.
 */

import { register } from "node:module";

register("./served-hook.mjs", import.meta.url);

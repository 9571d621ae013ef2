// Goes on to another viewer at once; the button is for those whose browser does not.

import { element } from "./page.js";

// In the place of this page: its ticket works once, so nobody shall come back to it.
location.replace(element("onward", HTMLAnchorElement).href);

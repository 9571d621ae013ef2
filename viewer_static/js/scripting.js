// Not a module, so that it runs before the page is painted: what is only for browsers without script never shows up.
document.documentElement.classList.add("scripting");

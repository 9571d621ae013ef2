// The token or secret of an upload: out of the address bar into the form, which is sent at once.

const form = document.querySelector("form[data-landing]");
const field = document.getElementById("secret");

function land() {
  const given = location.hash.slice(1);
  if (given && form instanceof HTMLFormElement && field instanceof HTMLInputElement) {
    history.replaceState(null, "", location.pathname + location.search);
    field.value = given;
    form.submit();
  }
}

land();
// Whoever opens the link where this page is open already only changes the fragment.
addEventListener("hashchange", land);

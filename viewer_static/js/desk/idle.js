// Keeps the session while somebody works, and takes patients off the screen when nobody does.

const PING_EVERY = 120;

/** @param {number} seconds until the session ends when nothing more is asked of the server */
export function watchDesk(seconds) {
  let end = Date.now() + seconds * 1000;
  let asked = Date.now();

  async function act() {
    if (Date.now() - asked < PING_EVERY * 1000) {
      return;
    }
    asked = Date.now();
    const answer = await fetch("/desk/session", { redirect: "manual" }).catch(() => null);
    if (answer?.ok) {
      end = Date.now() + seconds * 1000;
    } else if (answer) {
      leave();
    }
  }

  setInterval(() => {
    if (Date.now() > end) {
      leave();
    }
  }, 1000);
  for (const name of ["pointerdown", "keydown", "wheel"]) {
    addEventListener(name, () => void act(), { passive: true });
  }
}

function leave() {
  location.replace("/desk/sign-in?ended");
}

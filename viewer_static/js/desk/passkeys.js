// Passkeys: what the server asks, put to the browser's authenticator, and its answer sent back.

/** @param {HTMLButtonElement} button */
export function offerPasskey(button) {
  if (!("PublicKeyCredential" in window)) {
    return;
  }
  button.hidden = false;
  const problem = document.getElementById("passkey-problem");
  button.addEventListener("click", async () => {
    if (problem) {
      problem.hidden = true;
    }
    button.disabled = true;
    try {
      location.assign(await (button.dataset["passkey"] === "register" ? register() : signIn()));
    } catch {
      // Whether somebody pressed cancel or it was refused: nothing has happened, and the page says so.
      button.disabled = false;
      if (problem) {
        problem.hidden = false;
      }
    }
  });
}

/** @returns {Promise<string>} where to go on */
async function register() {
  const options = await post("/desk/passkeys/options", {});
  const made = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: options.excludeCredentials.map(withBytes),
    },
  });
  if (!(made instanceof PublicKeyCredential) || !(made.response instanceof AuthenticatorAttestationResponse)) {
    throw new Error("no passkey was made");
  }
  const answer = await post("/desk/passkeys", {
    ...named(made),
    response: { clientDataJSON: text(made.response.clientDataJSON), attestationObject: text(made.response.attestationObject) },
  });
  return answer.to;
}

/** @returns {Promise<string>} where to go on */
async function signIn() {
  const options = await post("/desk/sign-in/passkey/options", {});
  const given = await navigator.credentials.get({
    publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: [] },
  });
  if (!(given instanceof PublicKeyCredential) || !(given.response instanceof AuthenticatorAssertionResponse)) {
    throw new Error("no passkey answered");
  }
  const { authenticatorData, clientDataJSON, signature, userHandle } = given.response;
  const answer = await post("/desk/sign-in/passkey", {
    ...named(given),
    response: {
      authenticatorData: text(authenticatorData),
      clientDataJSON: text(clientDataJSON),
      signature: text(signature),
      userHandle: userHandle ? text(userHandle) : null,
    },
  });
  return answer.to;
}

/** @param {PublicKeyCredential} credential */
function named(credential) {
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type };
}

/** @param {{id: string, type: PublicKeyCredentialType}} descriptor */
function withBytes(descriptor) {
  return { ...descriptor, id: bytes(descriptor.id) };
}

/**
 * @param {string} url
 * @param {object} body
 * @returns {Promise<any>}
 */
async function post(url, body) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) {
    throw new Error(`status ${answer.status}`);
  }
  return answer.json();
}

/**
 * From base64url (RFC 4648 5).
 * @param {string} encoded
 */
function bytes(encoded) {
  const plain = atob(encoded.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

/** @param {ArrayBuffer} buffer */
function text(buffer) {
  const plain = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return plain.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

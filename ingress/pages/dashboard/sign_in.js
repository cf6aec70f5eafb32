// @ts-check
// Sign in with a key of scope admin, or with the link that `answerback up` prints. The link's token is in the URL
// fragment, which is never sent to a server or logged.

import { currentSession, signIn } from "./api.js";
import { el } from "./dom.js";
import { sentence } from "./format.js";

/** @import { Session } from "../api.d.ts" */

/**
 * Return the token of a sign-in link, or "".
 *
 * @param {string} hash
 */
export const linkToken = (hash) => (hash.startsWith("#link=") ? hash.slice(6) : "");

/**
 * @param {HTMLElement} main
 * @param {(session: Session) => void} onSignIn
 */
export async function signInPage(main, onSignIn) {
  const error = el("p", { class: "bad", role: "alert" });
  const key = el("input", { name: "key", type: "password", autocomplete: "off", required: true, placeholder: "ab_live_…" });
  /** @param {string} credential */
  const submit = async (credential) => {
    error.textContent = "";
    try {
      onSignIn(await signIn(credential));
    } catch (reason) {
      error.textContent = `Sign-in failed: ${sentence(/** @type {Error} */ (reason).message)}`;
    }
  };
  const form = el(
    "form",
    {
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        submit(key.value.trim());
      },
    },
    el("label", {}, "API key with the admin scope", key),
    el("button", { class: "main" }, "Sign in"),
    error,
    el("p", { class: "faint" }, "On your own machine, ", el("code", {}, "answerback link"), " prints a link that signs you in."),
  );
  main.append(el("section", { class: "sign-in" }, el("h1", {}, "Answerback"), form));
  const token = linkToken(location.hash);
  if (token) {
    history.replaceState(null, "", "/");
    await submit(token);
    // An old link still works for a browser that is signed in.
    if (error.textContent) await currentSession().then(onSignIn, () => {});
  } else {
    key.focus();
  }
}

// Sign in with a key of scope admin, or with the link that `answerback up` prints. The link's token is in the URL
// fragment, which is never sent to a server or logged.

import { signedIn, signIn } from "./api.js";
import { el } from "./dom.js";

export const linkOf = (hash) => (hash.startsWith("#link=") ? hash.slice(6) : "");

export async function signInPage(main, opened) {
  const trouble = el("p", { class: "bad", role: "alert" });
  const key = el("input", { name: "key", type: "password", autocomplete: "off", required: true, placeholder: "ab_live_…" });
  const enter = async (shown) => {
    trouble.textContent = "";
    try {
      opened(await signIn(shown));
    } catch (error) {
      trouble.textContent = `Sign-in failed: ${error.message}.`;
    }
  };
  const form = el(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        enter(key.value.trim());
      },
    },
    el("label", {}, "API key with the scope admin", key),
    el("button", { class: "main" }, "Sign in"),
    trouble,
    el("p", { class: "faint" }, "On your own machine, ", el("code", {}, "answerback up"), " prints a link that signs in once."),
  );
  main.append(el("section", { class: "signin" }, el("h1", {}, "Answerback"), form));
  const link = linkOf(location.hash);
  if (link) {
    history.replaceState(null, "", "/");
    await enter(link);
    // An old link still works for a browser that is signed in.
    if (trouble.textContent) await signedIn().then(opened, () => {});
  } else {
    key.focus();
  }
}

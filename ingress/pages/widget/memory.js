// What outlives a reload: the session and its token, and what was written and is not acknowledged yet.

class Memory {
  constructor(name) {
    this.name = name;
    this.own = {};
  }

  read() {
    try {
      return JSON.parse(localStorage.getItem(this.name)) || {};
    } catch {
      return this.own; // the page has no storage: then it lasts as long as the page
    }
  }

  change(fields) {
    this.own = { ...this.read(), ...fields };
    try {
      localStorage.setItem(this.name, JSON.stringify(this.own));
    } catch {
      // As above.
    }
  }
}

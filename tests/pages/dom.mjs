// As much of a document as these tests need: elements, attributes, text.

class Node {
  constructor(nodeName, nodeType) {
    Object.assign(this, { nodeName, nodeType, childNodes: [], attributes: new Map(), parentNode: null });
  }
  appendChild(child) {
    if (child.parentNode) child.parentNode.removeChild(child);
    this.childNodes.push(child);
    child.parentNode = this;
    return child;
  }
  append(...children) {
    for (const child of children) this.appendChild(typeof child === "string" ? globalThis.document.createTextNode(child) : child);
  }
  removeChild(child) {
    this.childNodes.splice(this.childNodes.indexOf(child), 1);
    child.parentNode = null;
  }
  replaceChild(child, old) {
    this.childNodes[this.childNodes.indexOf(old)] = child;
    child.parentNode = this;
    old.parentNode = null;
  }
  get lastChild() {
    return this.childNodes[this.childNodes.length - 1];
  }
  setAttribute(name, value) {
    this.attributes.set(name, String(value));
  }
  get className() {
    return this.getAttribute("class") ?? "";
  }
  set className(name) {
    this.setAttribute("class", name);
  }
  getAttribute(name) {
    return this.attributes.get(name) ?? null;
  }
  getAttributeNames() {
    return [...this.attributes.keys()];
  }
  get textContent() {
    return this.nodeType === 3 ? this.data : this.childNodes.map((child) => child.textContent).join("");
  }
  set textContent(text) {
    this.childNodes = text ? [globalThis.document.createTextNode(text)] : [];
  }
  get all() {
    return this.childNodes.flatMap((child) => [child, ...child.all]);
  }
  get html() {
    if (this.nodeType === 3) return this.data;
    const attributes = [...this.attributes].map(([name, value]) => ` ${name}=${value}`).join("");
    return `<${this.nodeName}${attributes}>${this.childNodes.map((child) => child.html).join("")}</${this.nodeName}>`;
  }
}

export function install() {
  globalThis.document = {
    createElement: (name) => new Node(name, 1),
    createTextNode: (data) => Object.assign(new Node("#text", 3), { data }),
  };
  return () => new Node("div", 1);
}

/**
 * The few ways in which this page touches the document.
 *
 * Nothing is written that has not changed: a page that is open for weeks, and repeats itself each second, costs
 * then next to nothing. Texts are set as texts, never as markup, since names come from vendors.
 */

/** Return the one element with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Return a new element. */
export function element(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

/** Make a text what it should be, if it is not. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Make an attribute what it should be, if it is not; null removes it. */
export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/**
 * Return a function that makes the children of a list one for each of the items it is given, in their order.
 *
 * @param {Element} parent Whose children they are; it has no others.
 * @param {(item) => string} keyOf What tells an item from others.
 * @param {(item) => {root: Element}} make Builds what shows an item.
 * @param {(view, item) => void} update Brings that up to date.
 */
export function keyedList(parent, keyOf, make, update) {
  const views = new Map();
  return (items) => {
    const kept = new Set();
    items.forEach((item, place) => {
      const key = keyOf(item);
      if (!views.has(key)) views.set(key, make(item));
      const view = views.get(key);
      kept.add(key);
      update(view, item);
      if (parent.children[place] !== view.root) parent.insertBefore(view.root, parent.children[place] ?? null);
    });
    for (const [key, view] of views) {
      if (kept.has(key)) continue;
      view.root.remove();
      views.delete(key);
    }
  };
}

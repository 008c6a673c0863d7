// The box she writes in.

/** Let her write on; not where that would fold out a keyboard over what she reads. */
export function toBox() {
  if (matchMedia("(pointer: fine)").matches) document.getElementById("input")?.focus({ preventScroll: true });
}

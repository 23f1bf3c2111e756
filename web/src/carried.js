/* What the file carries (tinychat/page/building.py writes it): settings, tables and numbers as JSON, kernels and weights as
base64. */

export const carried = JSON.parse(document.getElementById("carried").textContent);

/* The weights stand at the end of the file: they may still be read while the page is drawn. */
export async function weights() {
  if (document.readyState === "loading")
    await new Promise((done) => document.addEventListener("DOMContentLoaded", done, { once: true }));
  await new Promise((done) => setTimeout(done)); // the first picture comes before the work
  const [kernels, packed] = ["kernels", "weights"].map((id) => document.getElementById(id));
  const found = { kernels: kernels.textContent.trim(), weights: packed.textContent.trim() };
  packed.remove();
  return found;
}

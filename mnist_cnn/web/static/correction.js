// What is right: a digit that is clicked takes the place of the chosen one, or the number is typed. Either fires `pick`,
// with the whole number as the value's text. Gradio runs this when the component is on the page.
const field = element.querySelector("input");
let shown = null; // the id of the reading that the field belongs to

const count = (text) => text.replace(/\D/g, "").length;

function give(number) {
  field.value = number;
  // In the field, rows stand one after another.
  const text = props.value?.read.includes("\n") ? number.trim().replace(/\s+/g, "\n") : number;
  props.value = { ...props.value, text };
  trigger("pick");
}

function replace(digit) {
  const { read = "", chosen = 0 } = props.value ?? {};
  if (!read) return digit;
  const number = count(field.value) === count(read) ? field.value : read.replaceAll("\n", " ");
  let place = 0;
  return number.replace(/\d/g, (other) => (place++ === chosen ? digit : other));
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("[role=group] button");
  if (button) give(replace(button.textContent));
});
element.addEventListener("submit", (event) => {
  event.preventDefault();
  give(field.value);
});
watch("value", () => {
  if (props.value.reading === shown) return;
  shown = props.value.reading;
  field.value = props.value.read.replaceAll("\n", " ");
});

// What is right: a digit that is clicked takes the place of the chosen one, or the number is typed. Either fires `pick`,
// with the whole number as the value's text, or taken_back if the picked digit was picked again. Gradio runs this when
// the component is on the page.
const field = element.querySelector("input");
let shown = null; // the id of the reading that the field belongs to

element.classList.add("idle"); // there is nothing to put right yet

function press(picked) {
  for (const button of element.querySelectorAll("[role=group] button"))
    button.setAttribute("aria-pressed", String(button === picked));
}

const count = (text) => text.replace(/\D/g, "").length;

function give(number) {
  field.value = number;
  // In the field, rows stand one after another.
  const text = props.value?.read.includes("\n") ? number.trim().replace(/\s+/g, "\n") : number;
  props.value = { ...props.value, text, taken_back: false };
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
  if (!button) return;
  if (button.getAttribute("aria-pressed") === "true") {
    press(null);
    field.value = props.value.read.replaceAll("\n", " ");
    props.value = { ...props.value, text: "", taken_back: true };
    trigger("pick");
    return;
  }
  press(button);
  give(replace(button.textContent));
});
element.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!field.value.trim()) return;
  press(null);
  give(field.value);
});
let place = 0; // of the digit that a pick stands for

watch("value", () => {
  if (props.value.reading === shown && props.value.chosen === place) return;
  press(null);
  place = props.value.chosen;
  element.classList.toggle("idle", !props.value.reading);
  if (props.value.reading === shown) return;
  shown = props.value.reading;
  field.value = props.value.read.replaceAll("\n", " ");
});

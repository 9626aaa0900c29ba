// Pick the digit that was typed on the pad, as if its button had been clicked.
() => {
  const named = document.querySelector("#pad canvas").dataset.named;
  const buttons = [...document.querySelectorAll("#correction [role=group] button")];
  buttons.find((button) => button.textContent.trim() === named)?.click();
}

// Gradio's editor starts, and restarts after Clear, with no tool in hand, so that a stroke would do nothing.
() => {
  const take = (tries) => {
    const brush = document.querySelector("#sketchpad button[aria-label='Brush']");
    if (brush) brush.click();
    else if (tries > 0) setTimeout(take, 50, tries - 1);
  };
  take(200);
}

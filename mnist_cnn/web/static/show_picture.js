// Open the Picture tab, and show the picture that was given, if it is one that is taken.
(answer) => [
  { selected: "picture", __type__: "update" },
  answer?.shown ? { path: "picture", url: answer.shown } : null,
]

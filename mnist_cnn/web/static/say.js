// Say the verdict to screen readers, of a number not how sure it is: in a film, that changes with every frame.
(verdict) => verdict.replace(/^([\d ]+), .*/, "$1")

// Who searches has a question: of the pages that match equally well, those of the four questions come first.
// The numbers are Sphinx's own (searchtools.js).
var Scorer = {
  score: ([page, , , , score]) => score + (page.startsWith("questions/") ? 4 : 0),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};

// The query to the catalogue, kept while the page is open, so that it is still there when the user
// comes back to the view.

const LIMIT = 20;

export const question = {
  ...nothing(), tool: "point", filters: {}, moments: false, diverse: false,
};

// An empty query.
export function nothing() {
  return { point: null, path: [], like: null, words: [], unwanted: [], text: "" };
}

// The query in the format of the service; null if it is empty.
export function asQuery() {
  const phrases = (some) => some.map(({ word, degree }) => `${degree} ${word}`.trim());
  const query = { limit: LIMIT, filters: asFilters(), unwanted: phrases(question.unwanted) };
  if (question.diverse) query.diversity = true;
  if (question.path.length) {
    const last = question.path.length - 1;
    return { ...query, course: question.path.map(([valence, arousal], index) => [index / last, valence, arousal]) };
  }
  if (question.text) query.text = question.text;
  else if (question.moments) query.moments = true;
  if (question.like) return { ...query, like: question.like.id };
  if (!question.point && !question.words.length && !question.text) return null;
  if (question.point) query.point = { ...question.point };
  return { ...query, words: phrases(question.words) };
}

// Filters in the format of the service.
export function asFilters() {
  const { quadrant, key_mode: third, mode, duration_min: shortest, duration_max: longest, tempo_min: min, tempo_max: max } = question.filters;
  return {
    ...(quadrant && { quadrants: [quadrant] }),
    ...(third && { key_mode: third }),
    ...(mode && { mode }),
    ...((shortest !== undefined || longest !== undefined) && { duration: { min: shortest, max: longest } }),
    ...((min !== undefined || max !== undefined) && { tempo: { min, max } }),
  };
}

// What the style of the pages is held to: nothing unknown, nothing twice, and one form. tests/it/pages/code.rs runs it.

const FAULTS = [
  'annotation-no-unknown', 'at-rule-no-unknown', 'block-no-empty', 'color-no-invalid-hex', 'comment-no-empty',
  'custom-property-no-missing-var-function', 'declaration-block-no-duplicate-custom-properties', 'declaration-block-no-duplicate-properties',
  'declaration-block-no-shorthand-property-overrides', 'declaration-property-value-no-unknown', 'font-family-no-duplicate-names',
  'function-calc-no-unspaced-operator', 'function-no-unknown', 'keyframe-block-no-duplicate-selectors', 'keyframe-declaration-no-important',
  'media-feature-name-no-unknown', 'media-query-no-invalid', 'media-type-no-deprecated', 'named-grid-areas-no-invalid',
  'no-duplicate-at-import-rules', 'no-duplicate-selectors', 'no-empty-source', 'no-invalid-double-slash-comments',
  'no-invalid-position-at-import-rule', 'no-irregular-whitespace', 'no-unknown-animations', 'no-unknown-custom-properties',
  'property-no-unknown', 'selector-anb-no-unmatchable', 'selector-pseudo-class-no-unknown', 'selector-pseudo-element-no-unknown',
  'selector-type-no-unknown', 'string-no-newline', 'unit-no-unknown',
];

// A short rule stands on one line, a long one has a line for each group of its declarations.
const FORM = {
  'block-closing-brace-space-before': 'always-single-line',
  'block-opening-brace-space-after': 'always-single-line',
  'block-opening-brace-space-before': 'always',
  'color-hex-case': 'lower',
  'declaration-block-semicolon-space-before': 'never',
  'declaration-block-trailing-semicolon': 'always',
  'declaration-colon-space-after': 'always-single-line',
  'declaration-colon-space-before': 'never',
  'function-comma-space-after': 'always-single-line',
  'indentation': 2,
  'max-empty-lines': 1,
  'media-feature-colon-space-after': 'always',
  'no-eol-whitespace': true,
  'no-missing-end-of-source-newline': true,
  'number-leading-zero': 'never',
  'number-no-trailing-zeros': true,
  'property-case': 'lower',
  'selector-combinator-space-after': 'always',
  'selector-combinator-space-before': 'always',
  'selector-list-comma-space-before': 'never',
  'string-quotes': 'double',
  'unit-case': 'lower',
};

export default {
  plugins: ['@stylistic/stylelint-plugin'],
  reportInvalidScopeDisables: true,
  reportNeedlessDisables: true,
  rules: {
    ...Object.fromEntries(FAULTS.map((rule) => [rule, true])),
    ...Object.fromEntries(Object.entries(FORM).map(([rule, form]) => [`@stylistic/${rule}`, form])),
  },
};

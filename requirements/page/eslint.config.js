/**
 * Rules for the JavaScript of the page: all rules of ESLint, and the recommended rules for JSDoc.
 * Each rule that is off or relaxed has a comment with the reason.
 */

import js from "@eslint/js";
import jsdoc from "eslint-plugin-jsdoc";

const EXPORTED = ["ExportNamedDeclaration > FunctionDeclaration"];

export default [
  { linterOptions: { noInlineConfig: true } }, // comments in the code cannot switch a rule off
  js.configs.all,
  jsdoc.configs["flat/recommended-typescript-flavor-error"],
  {
    rules: {
      "capitalized-comments": "off", // a comment at the end of a line is a phrase
      curly: ["error", "multi-line"], // a guard clause stands on one line
      "func-style": ["error", "declaration", { allowArrowFunctions: true }], // a short callback may have a name
      "id-length": ["error", { exceptions: ["_", "x", "y"] }], // coordinates, and a parameter that is not used
      "init-declarations": "off", // a timer has no value before it is started
      "max-lines-per-function": ["error", { skipBlankLines: true, skipComments: true }], // only code counts
      "max-statements": ["error", 15], // a function that creates a view also declares the functions of the view
      "no-await-in-loop": "off", // a retry starts after the request before it
      "no-inline-comments": "off", // the unit of a constant stands beside the constant
      "no-magic-numbers": "off", // numbers such as 0, 2 and 100 are clear without a name
      "no-ternary": "off", // shorter than `if` and `else`
      "no-undef": "off", // tsc reports undefined names, and knows the names that a browser defines
      "no-use-before-define": ["error", { functions: false }], // a function stands above the functions that it calls
      "one-var": ["error", "never"], // each variable has a declaration of its own
      "sort-imports": ["error", { ignoreDeclarationSort: true }], // imports are sorted by file name
      "sort-keys": "off", // the order of keys has a meaning, for example `x` before `y`

      // Inside a module, the name and the type of a parameter are enough. Exported functions need descriptions too.
      "jsdoc/check-param-names": ["error", { checkDestructured: false }],
      "jsdoc/require-param": ["error", { checkDestructured: false }],
      "jsdoc/require-param-description": ["error", { contexts: EXPORTED }],
      "jsdoc/require-returns-description": ["error", { contexts: EXPORTED }],

      "jsdoc/check-syntax": "error",
      "jsdoc/informative-docs": "error",
      "jsdoc/match-description": "error",
      "jsdoc/no-bad-blocks": "error",
      "jsdoc/no-blank-blocks": "error",
      "jsdoc/require-asterisk-prefix": "error",
      "jsdoc/require-hyphen-before-param-description": ["error", "never"],
      "jsdoc/require-template": "error",
    },
  },
];

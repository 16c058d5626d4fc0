/** The panel's document. Free of vscode, so that the extension and the tests build the same one. */
export interface PanelHtml {
  readonly nonce: string
  /** `webview.cspSource` */
  readonly cspSource: string
  readonly scriptUri: string
  readonly styleUri: string
  readonly title: string
  /** BCP 47, of the editor. */
  readonly language: string
  /** What the panel says in it, as JSON: `parsePanelWords` reads it. */
  readonly words: string
}

/** For text and for attribute values in double quotes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** A source list is inside a header-like attribute: what could end its directive or begin another is not let in. */
function source(text: string): string {
  return text.replace(/[;,"<>\r\n]/g, '')
}

/** Scripts by nonce alone, styles, images and fonts from the extension's own folder alone, nothing else from anywhere. */
export function panelHtml({ nonce, cspSource, scriptUri, styleUri, title, language, words }: PanelHtml): string {
  const own = source(cspSource)
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${source(nonce)}'`,
    `style-src ${own}`,
    `img-src ${own}`,
    `font-src ${own}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  return `<!doctype html>
<html lang="${escapeHtml(language)}" data-words="${escapeHtml(words)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${escapeHtml(styleUri)}">
<title>${escapeHtml(title)}</title>
</head>
<body>
<main id="root"></main>
<script nonce="${escapeHtml(nonce)}" src="${escapeHtml(scriptUri)}"></script>
</body>
</html>
`
}

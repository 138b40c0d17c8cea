package backtestreport

import (
	"bufio"
	_ "embed" // the page's parts
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed page/frame.html.tmpl
var frameTemplate string

//go:embed page/parts.html.tmpl
var partsTemplate string

//go:embed page/search.html.tmpl
var searchTemplate string

//go:embed page/search.css
var searchStyle string

//go:embed page/frame.css
var frameStyle string

//go:embed page/parts.css
var partsStyle string

//go:embed page/frame.js
var frameScript string

//go:embed page/parts.js
var partsScript string

// Style returns the stylesheet of what WriteParts writes. It takes its colours
// from the custom properties --surface-1, --surface-2, --line, --text-1 to
// --text-3, --accent, --gain, --loss, --warn and --plot-1 to --plot-4 of the
// page around it.
func Style() string { return partsStyle + searchStyle }

// Script returns the script of what WriteParts writes, an ordinary script that
// is run once the page is there.
func Script() string { return partsScript }

// FileStyle and FileScript return the one style and the one script of what
// WriteHTML writes, for a content security policy that names them by hash.
func FileStyle() string { return frameStyle + Style() }

// FileScript is described with FileStyle.
func FileScript() string { return frameScript + partsScript }

// frame is a page of its own around a body: "run", "search" or "walk". Kind is
// what the browser's title says and Foot what stands below.
type frame struct {
	Heading

	Badge, Kind, Foot string
	Body              string
	Page              any

	Style  template.CSS
	Script template.JS
}

// WriteHTML writes the report as one page that needs nothing else: styles,
// charts and script are in it, the first and the last in one element each, and
// no element has a style of its own.
func (r *Report) WriteHTML(w io.Writer) error { return r.Page().WriteHTML(w) }

// WriteHTML writes the page as Report.WriteHTML does.
func (p Page) WriteHTML(w io.Writer) error {
	return writeFile(w, frame{
		Heading: p.Heading, Badge: "BACKTEST", Kind: "backtest", Body: "run", Page: p,
		Foot: "Made by Lunobot. Past results say little about future ones. Market orders trade at the next candle's open; " +
			"limit orders only where a candle trades through their price; a stop counts before a target.",
	})
}

// writeFile writes a page that needs nothing else.
func writeFile(w io.Writer, f frame) error {
	f.Script = template.JS(FileScript()) //nolint:gosec // embedded
	f.Style = template.CSS(FileStyle())  //nolint:gosec // embedded
	return write(w, "file", f)
}

// WriteParts writes figures, warnings, charts, months, conditions and trades as
// HTML without a frame, for a page that also serves Style and Script.
func (p Page) WriteParts(w io.Writer) error { return write(w, "parts", p) }

// WriteParts writes the report without a frame, as Page.WriteParts does.
func (p SearchPage) WriteParts(w io.Writer) error { return write(w, "search", p) }

// WriteParts writes the report without a frame, as Page.WriteParts does.
func (p WalkPage) WriteParts(w io.Writer) error { return write(w, "walk", p) }

// WriteParts writes the charts as HTML without a frame, for a page that also
// serves Style and Script.
func (d Drawing) WriteParts(w io.Writer) error { return write(w, "drawing", d) }

// together keeps numbers and their signs of percent on one line.
func together(text string) string { return strings.ReplaceAll(text, " %", "\u00a0%") }

func write(w io.Writer, name string, data any) error {
	t, err := template.New("").Funcs(template.FuncMap{"together": together}).Parse(frameTemplate + partsTemplate + searchTemplate)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	if err := t.ExecuteTemplate(out, name, data); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

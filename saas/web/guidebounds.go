package web

import (
	"strings"

	"github.com/yuin/goldmark/ast"
)

// The bounds of a guide's Markdown, which its author must keep to have it drawn as such.
// The parser takes a time that grows with the square of a block's marks, columns, and
// depth, and an author is a stranger whose guide is drawn for each visitor anew.
const (
	maxGuideLines  = 2_000
	maxGuideLine   = 4_096 // bytes of a line
	maxGuideIndent = 80    // columns of blanks that begin a line, four to a tab
	maxGuideDepth  = 16    // lists and quotations that begin in one line
	maxGuideBars   = 20    // bars of a line, which part a table's columns
	maxGuideMarks  = 250   // marks in lines without an empty one between
	maxGuideLinks  = 65_536
)

// guideMarks begin or end what stands within a block.
const guideMarks = "[]*_`<>!&\\"

// tooDense reports whether a guide exceeds the bounds; it takes one pass.
func tooDense(markdown string) bool {
	lines, marks := 0, 0
	for line := range strings.Lines(strings.ReplaceAll(markdown, "\r", "\n")) {
		lines++
		if strings.TrimSpace(line) == "" {
			marks = 0
		}
		for i := range len(line) {
			if strings.IndexByte(guideMarks, line[i]) >= 0 {
				marks++
			}
		}
		if lines > maxGuideLines || len(line) > maxGuideLine || marks > maxGuideMarks ||
			strings.Count(line, "|") > maxGuideBars || indent(line) > maxGuideIndent || depth(line) > maxGuideDepth {
			return true
		}
	}
	return false
}

// indent counts the columns of blanks that begin a line.
func indent(line string) int {
	blanks := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	return len(blanks) + 3*strings.Count(blanks, "\t")
}

// depth counts what may begin a list or a quotation at the start of a line.
func depth(line string) int {
	start := line[:len(line)-len(strings.TrimLeft(line, " \t>-+*.)0123456789"))]
	return len(strings.Fields(start)) + strings.Count(start, ">")
}

// longLinks reports whether a guide's links are longer than the guide: a definition of a
// link is written once, and drawn wherever its name stands.
func longLinks(doc *ast.Document) bool {
	length := 0
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if l, ok := n.(*ast.Link); ok && entering {
			length += len(l.Destination) + len(l.Title)
		}
		return ast.WalkContinue, nil
	})
	return length > maxGuideLinks
}

package web

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/strategy"
)

// denseGuides are texts of a guide's largest size that cost a parser of Markdown most.
func denseGuides() map[string]string {
	fill := func(unit string, lines int) string { // blocks of as many lines, up to the size
		block := strings.Repeat(unit+"\n", lines) + "\n"
		return strings.Repeat(block, max(1, strategy.MaxGuide/len(block)))
	}
	n := strings.Repeat
	return map[string]string{
		"table":      n("|a", 15_000) + "\n" + n("|-", 15_000) + "\n" + n("|\n", 2_500),
		"brackets":   n("[a](", strategy.MaxGuide/4),
		"emphasis":   n("*a_ ", strategy.MaxGuide/4),
		"quotations": n(">", strategy.MaxGuide),
		"lists":      n("- ", strategy.MaxGuide/2),
		"indents":    fill(n(" ", 1_000)+"- a", 1),
		"returns":    n("[a](\r", strategy.MaxGuide/5),
		"lines":      n("a\n", strategy.MaxGuide/2),
	}
}

// TestDenseGuide: a guide that would hold a server up is shown as it was written, and its
// marks are not run through the parser.
func TestDenseGuide(t *testing.T) {
	t.Parallel()
	for name, text := range denseGuides() {
		if !tooDense(text) {
			t.Errorf("%s: a guide beyond the bounds is parsed", name)
			continue
		}
		html, err := guide(text)
		if err != nil || !strings.HasPrefix(string(html), `<pre class="written">`) || strings.Contains(string(html), "<td>") || len(html) > 5*strategy.MaxGuide {
			t.Errorf("%s: %d bytes, %.80q, %v", name, len(html), html, err)
		}
	}
	if html, err := guide(strings.Repeat("<b>\n", maxGuideLines+1)); err != nil || strings.Contains(string(html), "<b>") {
		t.Errorf("plain text keeps its marks: %.80q, %v", html, err)
	}
	long := "[a]: /" + strings.Repeat("b", 4_000) + "\n\n" + strings.Repeat(strings.Repeat("[a] ", 100)+"\n\n", 100)
	if html, err := guide(long); err != nil || tooDense(long) || len(html) > 5*len(long) {
		t.Errorf("links that are drawn again and again: %d bytes of %d, %v", len(html), len(long), err)
	}
}

// TestBundledGuidesAreDrawn: the bounds leave room for what authors write.
func TestBundledGuidesAreDrawn(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../plugins/*/README.md")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err != nil || tooDense(string(text)) {
			t.Errorf("%s is shown as plain text: %v", file, err)
		}
	}
}

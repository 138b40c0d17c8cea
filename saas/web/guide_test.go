package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lunobot/lunobot/saas/web"
)

// strangersGuide is a guide as somebody might write it who means no good.
const strangersGuide = "# tide: a title\n\n## Idea\n\nBuys *low*. <script>alert(1)</script> <img src=x onerror=alert(2)> [a file](../secret.go) [evil](javascript:alert(3)) " +
	"[source](https://example.org/a) [loud](HTTPS://example.org/b) <https://evil.example/c> <myapp:foo> <me@example.org> ![picture](https://example.org/p.png)\n\n| name | default |\n|---|--:|\n| `fast` | 10 |\n\n" +
	"## Try it\n\nsecret command\n\n### Below it\n\nanother command\n\n# A part\n\n## When it loses\n\n- In the end.\n"

// TestStrategyPage: each strategy has a page with its author's documentation, which may
// do nothing but be read.
func TestStrategyPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := w.config()
	list := cfg.Strategies()
	list[0].Guide = strangersGuide
	older := list[0]
	older.Version, older.Guide = "0.9.0", "## Idea\n\nThe older one.\n"
	cfg.Strategies = func() []web.Strategy { return list }
	cfg.Versions = func(name string) []web.Strategy {
		if name != "basic" {
			return nil
		}
		return []web.Strategy{list[0], older}
	}
	ada := w.member(t, serve(t, cfg), "ada@example.com")

	ada.get("/strategies").want(t, "the catalog", http.StatusOK, `href="/strategies/basic"`, `href="/strategies/`+mixer+`"`)
	page := ada.get("/strategies/basic")
	page.want(t, "the page", http.StatusOK, "<h1>Moving-average cross</h1>", "<h2>Idea</h2>", "<em>low</em>", "<td><code>fast</code></td>", `<td align="right">10</td>`, "!style=", "<h2>When it loses</h2>",
		`<a href="https://example.org/a" rel="noopener noreferrer nofollow" target="_blank">source</a>`, "a file", "picture",
		`<a href="HTTPS://example.org/b" rel="noopener noreferrer nofollow" target="_blank">loud</a>`,
		`<a href="https://evil.example/c" rel="noopener noreferrer nofollow" target="_blank">https://evil.example/c</a>`,
		"myapp:foo", "!href=\"myapp", "me@example.org", "!mailto:", "<h2>A part</h2>", `/new?strategy=basic"`, "!pin=", "!<script>alert", "!onerror", "!javascript:", "!secret", "!another command", "!p.png", "!a title", "Fast average", `href="/strategies/basic?version=0.9.0"`)
	ada.get("/strategies/basic?version=0.9.0").want(t, "another version", http.StatusOK, "The older one.", "!When it loses",
		`href="/backtests/new?strategy=basic&amp;pin=0.9.0"`, `href="/bots/new?strategy=basic&amp;pin=0.9.0"`)
	ada.get("/strategies/"+mixer).want(t, "one without documentation", http.StatusOK, "has not written more about it", "Fast average")
	ada.get("/strategies/basic?version=7.0.0").want(t, "a version that is not there", http.StatusNotFound, "Not found")
	ada.get("/strategies/nothing").want(t, "a strategy that is not there", http.StatusNotFound, "Not found")

	ada.upgrade("premium")
	for _, path := range []string{"/bots/new", "/backtests/new"} {
		ada.get(path+"?strategy=basic&pin=0.9.0").want(t, "the form of another version", http.StatusOK, `<option value="0.9.0" selected>`)
	}
	for _, path := range []string{"/bots/new", "/backtests/new", "/bots/new/strategy?strategy=basic", "/backtests/new/strategy?strategy=basic"} {
		if form := ada.get(path).body; !strings.Contains(form, `href="/strategies/basic?version=1.0.0" target="_blank"`) {
			t.Errorf("%s does not lead to what the strategy does", path)
		}
	}
}

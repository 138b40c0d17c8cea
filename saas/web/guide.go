package web

import (
	"bytes"
	"html/template"
	"net/http"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/lunobot/lunobot/saas/errs"
)

// strategyPage is the page of one strategy.
type strategyPage struct {
	Strategy
	// Groups are its parameters, explained.
	Groups []fieldGroup
	// Guide is its documentation, ready to be shown; "" if it has none.
	Guide template.HTML
	// Versions are all that can be chosen, if there are several.
	Versions []versionChoice
	// Older is the version if it is not that which a new bot gets.
	Older string
}

// strategyGuide shows what a strategy does, when it loses, and what it can be told.
func (w *Web) strategyGuide(rq *request) error {
	name := rq.PathValue("name")
	s, ok := w.chosen(name, rq.URL.Query().Get("version"))
	if !ok {
		return errs.New(errs.NotFound, "strategy_not_found", "There is no strategy %q, or not in that version.", name)
	}
	p := strategyPage{Strategy: s, Groups: fieldGroups(s.Schema, nil, nil)}
	if err := w.lacking(rq, p.Groups); err != nil {
		return err
	}
	if list := w.versionChoices(s); len(list) > 1 {
		p.Versions = list
	}
	newest, _ := w.strategy(name)
	if s.Version != newest.Version {
		p.Older = s.Version
	}
	var err error
	if p.Guide, err = guide(s.Guide); err != nil {
		return err
	}
	return w.page(rq, http.StatusOK, "strategies/strategy", view{Title: s.Title, Nav: "strategies", D: p})
}

// guide turns an author's Markdown into what a page may hold. Authors are strangers:
// HTML in it is shown as nothing, and its links are to be followed at the reader's risk;
// what exceeds the bounds of a guide is shown as it was written.
func guide(markdown string) (template.HTML, error) {
	if tooDense(markdown) {
		return written(markdown), nil
	}
	// The policy of the pages lets no style stand in an element.
	table := extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))
	md := goldmark.New(goldmark.WithExtensions(table),
		goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(tenantsPart{}, 0))))
	source := []byte(markdown)
	doc := md.Parser().Parse(text.NewReader(source))
	if longLinks(doc.OwnerDocument()) {
		return written(markdown), nil
	}
	var out bytes.Buffer
	if err := md.Renderer().Render(&out, source, doc); err != nil {
		return "", err
	}
	return template.HTML(strings.TrimSpace(out.String())), nil //nolint:gosec // goldmark writes no HTML that stands in the text
}

// written is a guide as plain text.
func written(markdown string) template.HTML {
	if strings.TrimSpace(markdown) == "" {
		return ""
	}
	return template.HTML(`<pre class="written">` + template.HTMLEscapeString(markdown) + "</pre>") //nolint:gosec // escaped
}

// tenantsPart leaves of a guide what is for tenants: no title, which the page has, no
// pictures, no sections for whoever has the program, no links to files beside it.
type tenantsPart struct{}

// Transform implements parser.ASTTransformer.
func (tenantsPart) Transform(doc *ast.Document, reader text.Reader, _ parser.Context) {
	left, first := false, doc.FirstChild()
	for n := doc.FirstChild(); n != nil; {
		next := n.NextSibling()
		if h, ok := n.(*ast.Heading); ok && h.Level <= 2 {
			switch title := plainText(h, reader.Source()); title {
			case "Try it", "Work on it":
				left = true
			default:
				left = false
			}
			if h.Level == 1 && n == first {
				doc.RemoveChild(doc, h)
			}
		}
		if left {
			doc.RemoveChild(doc, n)
		}
		n = next
	}
	var links []ast.Node
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Link, *ast.Image, *ast.AutoLink:
			if entering {
				links = append(links, n)
			}
		case *ast.Heading: // the page has the one heading of the first level
			n.Level = max(n.Level, 2)
		}
		return ast.WalkContinue, nil
	})
	for _, n := range links {
		address := ""
		switch l := n.(type) {
		case *ast.Link:
			address = string(l.Destination)
		case *ast.AutoLink:
			address = string(l.URL(reader.Source()))
			if !outward(address) {
				label := ast.NewString(l.Label(reader.Source()))
				label.SetRaw(true)
				l.Parent().ReplaceChild(l.Parent(), l, label)
				continue
			}
		}
		if !outward(address) {
			unwrap(n)
			continue
		}
		n.SetAttributeString("rel", []byte("noopener noreferrer nofollow"))
		n.SetAttributeString("target", []byte("_blank"))
	}
}

// outward reports whether a link leads to a page of the web.
func outward(address string) bool {
	address = strings.ToLower(address)
	return strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")
}

// unwrap puts what a node holds in its place.
func unwrap(n ast.Node) {
	parent := n.Parent()
	for c := n.FirstChild(); c != nil; c = n.FirstChild() {
		parent.InsertBefore(parent, n, c)
	}
	parent.RemoveChild(parent, n)
}

// plainText is the text of a node without its marks.
func plainText(n ast.Node, source []byte) string {
	var out strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			out.Write(t.Segment.Value(source))
			continue
		}
		out.WriteString(plainText(c, source))
	}
	return out.String()
}

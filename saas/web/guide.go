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
	var err error
	if p.Guide, err = guide(s.Guide); err != nil {
		return err
	}
	return w.page(rq, http.StatusOK, "strategies/strategy", view{Title: s.Title, Nav: "strategies", D: p})
}

// guide turns an author's Markdown into what a page may hold. Authors are strangers:
// HTML in it is shown as nothing, and its links are to be followed at the reader's risk.
func guide(markdown string) (template.HTML, error) {
	var out bytes.Buffer
	md := goldmark.New(goldmark.WithExtensions(extension.Table),
		goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(tenantsPart{}, 0))))
	if err := md.Convert([]byte(markdown), &out); err != nil {
		return "", err
	}
	return template.HTML(strings.TrimSpace(out.String())), nil //nolint:gosec // goldmark writes no HTML that stands in the text
}

// tenantsPart leaves of a guide what is for tenants: no title, which the page has, no
// pictures, no sections for whoever has the program, no links to files beside it.
type tenantsPart struct{}

// Transform implements parser.ASTTransformer.
func (tenantsPart) Transform(doc *ast.Document, reader text.Reader, _ parser.Context) {
	left := false
	for n := doc.FirstChild(); n != nil; {
		next := n.NextSibling()
		if h, ok := n.(*ast.Heading); ok && h.Level <= 2 {
			switch title := plainText(h, reader.Source()); title {
			case "Try it", "Work on it":
				left = true
			default:
				left = false
			}
			if h.Level == 1 {
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
		case *ast.Link, *ast.Image:
			if entering {
				links = append(links, n)
			}
		}
		return ast.WalkContinue, nil
	})
	for _, n := range links {
		if l, ok := n.(*ast.Link); ok && outward(string(l.Destination)) {
			l.SetAttributeString("rel", []byte("noopener noreferrer nofollow"))
			l.SetAttributeString("target", []byte("_blank"))
			continue
		}
		unwrap(n)
	}
}

// outward reports whether a link leads to a page of the web.
func outward(address string) bool {
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

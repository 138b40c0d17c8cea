package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // embeds the template and style of the documentation
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs/docs.html
var docsTemplate string

//go:embed docs/docs.css
var docsStyle string

// docsPage is what the template shows.
type docsPage struct {
	Info     *huma.Info
	Style    template.CSS
	Groups   []docsGroup
	Problems []docsProblem
}

type docsGroup struct {
	Name, Anchor, Description string
	Operations                []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary string
	Description               string
	Secured                   bool
	Parameters                []docsField
	Body                      []docsField
	BodyExample               string
	Curl                      string
	Answers                   []docsAnswer
	Errors                    []docsAnswer
}

type docsAnswer struct {
	Status, Description, Media, Example string
	Fields                              []docsField
}

// docsField is one row of a table of fields or parameters.
type docsField struct {
	Name, In, Type, Rules, Description string
	Required                           bool
}

type docsProblem struct {
	Name, Title, Meaning string
	Status               int
}

// docsRoutes serves the document as JSON and as a page that is rendered once,
// here: the document does not change.
func (a *API) docsRoutes() error {
	t, err := template.New("docs").Parse(docsTemplate)
	if err != nil {
		return fmt.Errorf("api: parsing the template of the documentation: %w", err)
	}
	var html bytes.Buffer
	if err := t.Execute(&html, a.docsPage()); err != nil {
		return fmt.Errorf("api: rendering the documentation: %w", err)
	}
	hash := sha256.Sum256([]byte(docsStyle))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	a.router.Get("/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(a.spec) // the client may be gone
	})
	a.router.Get("/docs", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(html.Bytes()) // the client may be gone
	})
	return nil
}

// docsPage makes the page's content of the document.
func (a *API) docsPage() docsPage {
	spec := a.huma.OpenAPI()
	x := explainer{schemas: spec.Components.Schemas}
	p := docsPage{Info: spec.Info, Style: template.CSS(docsStyle)} //nolint:gosec // our own style sheet
	for _, tag := range spec.Tags {
		g := docsGroup{Name: tag.Name, Anchor: strings.ToLower(tag.Name), Description: tag.Description}
		for _, r := range a.routes {
			if op := operationOf(spec.Paths[r.Path], r.Method); op.Tags[0] == tag.Name {
				g.Operations = append(g.Operations, x.operation(r, op))
			}
		}
		p.Groups = append(p.Groups, g)
	}
	for _, k := range problemKinds() {
		p.Problems = append(p.Problems, docsProblem{Name: k.name, Title: k.title, Meaning: k.meaning, Status: k.status})
	}
	return p
}

package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/perf"
	"github.com/lunobot/lunobot/tenancy"
)

//go:embed templates
var templateFiles embed.FS

// view is what every page's template is given; D is the page's own.
type view struct {
	App    string
	Title  string
	Nav    string
	Path   string
	Look   look
	Who    tenancy.Principal
	Notice string
	// Warning stands where the notice does, and says that something is other than expected.
	Warning string
	// Halted says which kill switch is on; nil if none is.
	Halted *haltNotice
	// MarketNotice says where prices come from, MarketKind what they are; "" on pages
	// without any.
	MarketNotice string
	MarketKind   MarketKind
	// Mode is the mode of the bot that the page is about, or "".
	Mode string
	D    any
}

// partPrefix begins the name of a file that holds a part of pages.
const partPrefix = "part-"

// parse reads the templates: those in layout are shared, every other file is a
// page with parts of its own.
func (w *Web) parse() (map[string]*template.Template, error) {
	shared, err := template.New("").Funcs(w.funcs()).ParseFS(templateFiles, "templates/layout/*.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	err = fs.WalkDir(templateFiles, "templates", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Dir(name) == "templates/layout" || strings.HasPrefix(path.Base(name), partPrefix) {
			return err
		}
		set, err := shared.Clone()
		if err != nil {
			return err
		}
		// Parts that several pages of a folder share stand in its parts.html, or in a
		// file of their own.
		files := []string{name}
		if parts := path.Dir(name) + "/parts.html"; parts != name {
			if _, err := fs.Stat(templateFiles, parts); err == nil {
				files = append(files, parts)
			}
		}
		own, err := fs.Glob(templateFiles, path.Dir(name)+"/"+partPrefix+"*.html")
		if err != nil {
			return err
		}
		if set, err = set.ParseFS(templateFiles, append(files, own...)...); err != nil {
			return err
		}
		pages[strings.TrimSuffix(strings.TrimPrefix(name, "templates/"), ".html")] = set
		return nil
	})
	return pages, err
}

func (w *Web) funcs() template.FuncMap {
	return template.FuncMap{
		"asset":    w.assets.url,
		"icon":     w.icon,
		"dict":     dict,
		"amount":   amount,
		"group":    exchange.Grouped,
		"sentence": sentence,
		"capital":  func(word any) string { return capital(fmt.Sprint(word)) },
		"typed":    grouped,
		"signed":   signed,
		"tone":     tone,
		"arrow":    arrow,
		"ago":      func(t moment) string { return ago(w.cfg.Now(), t) },
		"spark":    spark,
		"change":   change,
		"fall":     func(n perf.Number) string { return change(-n) },
		"ratio":    ratio,
		"toneOf":   toneOf,

		"upper": func(word any) string { return strings.ToUpper(fmt.Sprint(word)) },
	}
}

// icon refers to one of the drawings in the sprite.
func (w *Web) icon(name string) template.HTML {
	return template.HTML(`<svg class="icon" aria-hidden="true"><use href="` + //nolint:gosec // names are constants of templates
		template.HTMLEscapeString(w.assets.url("img/icons.svg")+"#"+name) + `"/></svg>`)
}

// dict makes a map of keys and values, to give a part several things.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict wants pairs, got %d values", len(pairs))
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict wants text as key, got %T", pairs[i])
		}
		m[key] = pairs[i+1]
	}
	return m, nil
}

// page renders a whole page.
func (w *Web) page(rq *request, status int, name string, v view) error {
	v.App, v.Look, v.Who, v.Path, v.MarketKind = w.cfg.AppName, rq.look, rq.who, rq.URL.Path, w.cfg.MarketKind
	if rq.who.UserID != "" {
		v.Halted = w.halted(rq)
	}
	if v.Notice == "" {
		v.Notice = noticeText(rq.URL.Query().Get("notice"))
	}
	return w.execute(rq, status, name, "page", v)
}

// part renders one named template of a page, for htmx.
func (w *Web) part(rq *request, name, part string, data any) error {
	return w.execute(rq, http.StatusOK, name, part, data)
}

func (w *Web) execute(rq *request, status int, name, part string, data any) error {
	set, ok := w.pages[name]
	if !ok {
		return fmt.Errorf("there is no page %q", name)
	}
	var out bytes.Buffer
	if err := set.ExecuteTemplate(&out, part, data); err != nil {
		return fmt.Errorf("rendering %s: %w", name, err)
	}
	send(rq.w, rq.Request, status, "text/html; charset=utf-8", "no-store", out.Bytes(), nil)
	return nil
}

// json answers with data for a chart.
func (w *Web) json(rq *request, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encoding %T: %w", data, err)
	}
	send(rq.w, rq.Request, http.StatusOK, "application/json", "no-store", raw, nil)
	return nil
}

// noticeText is the sentence at the top of a page that a form has led to. The
// address holds its name only, so nobody can put words into our mouth.
func noticeText(name string) string {
	switch name {
	case "created":
		return "Your bot is ready. Press Start to let it trade."
	case "backtest-deleted":
		return "The backtest and its result have been deleted."
	case "halted":
		return "Stopped. Bots come to rest within a second; positions that are to be closed are sold at the next price."
	case "released":
		return "Released. Start the bots that shall run again."
	case "upgraded":
		return "The bot has the other version and goes on with its state."
	case "pinned":
		return "The bot has the other version. Its next start begins the strategy anew."
	case "live":
		return "The bot is live. Nothing is bought or sold until you press Start."
	case "paper":
		return "The bot is back on paper. Its next start begins with simulated money."
	case "written-off":
		return "The orders are written off, and the bot is back on paper. Look at the exchange for what it had there."
	case "deleted":
		return "The bot and its history have been deleted."
	case "disconnected":
		return "The account has been disconnected and its key deleted here. Delete it at the exchange, too."
	case "saved":
		return "Your changes have been saved."
	case "password":
		return "Your password has been changed. All other sessions have been ended."
	case "revoked":
		return "The session has been ended."
	case "plan":
		return "Your plan has been changed."
	case "plan-later":
		return "Your plan will change at the end of the present period."
	case "strategy-approved":
		return "Approved. Servers offer the version within seconds."
	case "strategy-revoked":
		return "Revoked. Servers offer the version no more, and its bots pause within seconds."
	case "strategy-isolated":
		return "Set. Bots move to their processes within seconds."
	case "strategy-removed":
		return "The version and its file have been removed."
	case "signed-out":
		return "You are signed out."
	}
	return ""
}

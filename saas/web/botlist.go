package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
)

// fewBots is up to how many bots can be seen at a glance: then there is no search.
const fewBots = 8

// listPage is the page of all bots, or the part of it that is renewed.
type listPage struct {
	Rows []botRow
	// Next is where the rows begin that follow; "" if there are none.
	Next string
	// Query are the words that the bots are searched for; "" for all of them.
	Query    string
	MayWrite bool
}

// Searchable reports whether there is something to search in.
func (p listPage) Searchable() bool { return p.Query != "" || p.Next != "" || len(p.Rows) > fewBots }

// Renew is the address of these rows, More that of those that follow.
func (p listPage) Renew() string { return p.rowsAfter("") }

// More is the address of the rows that follow.
func (p listPage) More() string { return p.rowsAfter(p.Next) }

func (p listPage) rowsAfter(id string) string {
	q := url.Values{}
	if p.Query != "" {
		q.Set("q", p.Query)
	}
	if id != "" {
		q.Set("after", id)
	}
	if len(q) == 0 {
		return "/bots/rows"
	}
	return "/bots/rows?" + q.Encode()
}

func (w *Web) listPage(rq *request) (listPage, error) {
	after := rq.URL.Query().Get("after")
	p := listPage{Query: strings.TrimSpace(rq.URL.Query().Get("q")), MayWrite: rq.who.Can(tenancy.BotsWrite)}
	var list page.List[bot.Bot]
	var err error
	if p.Query == "" {
		list, err = w.cfg.Bots.Bots(rq.Context(), rq.who, page.Page{After: after})
	} else {
		list, err = w.foundBots(rq, p.Query, after)
	}
	if err != nil {
		return listPage{}, err
	}
	p.Next = list.Next
	p.Rows, err = w.rows(rq, list.Items, true)
	return p, err
}

// foundBots are the bots that have all words of the query somewhere in their name, pairs,
// strategy, mode or status, those after one of them.
func (w *Web) foundBots(rq *request, query, after string) (page.List[bot.Bot], error) {
	all, err := w.allBots(rq)
	if err != nil {
		return page.List[bot.Bot]{}, err
	}
	words := strings.Fields(strings.ToLower(query))
	found := slices.DeleteFunc(all, func(b bot.Bot) bool {
		text := strings.ToLower(strings.Join(append(b.Pairs(), b.Name, w.title(b.Strategy), string(b.Mode), string(b.Status), periodOf(b.Interval).Name), " "))
		return slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
	})
	if i := slices.IndexFunc(found, func(b bot.Bot) bool { return b.ID == after }); after != "" {
		found = found[i+1:] // all of them if that one is gone
	}
	limit := page.Page{}.Bounded().Limit
	return page.Of(found[:min(len(found), limit+1)], limit, func(b bot.Bot) string { return b.ID }), nil
}

func (w *Web) botList(rq *request) error {
	p, err := w.listPage(rq)
	if err != nil {
		return err
	}
	return w.page(rq, http.StatusOK, "bots/list", view{Title: "Bots", Nav: "bots", MarketNotice: w.cfg.MarketNotice, D: p})
}

// botRows answers with the rows alone.
func (w *Web) botRows(rq *request) error {
	p, err := w.listPage(rq)
	if err != nil {
		return err
	}
	return w.part(rq, "bots/list", "rows", p)
}

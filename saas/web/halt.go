package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/halt"
	"github.com/lunobot/lunobot/tenancy"
)

// Halts is what the pages need of kill switches; *halt.Service is one.
type Halts interface {
	Pull(ctx context.Context, p tenancy.Principal, in halt.PullInput) (halt.Halt, error)
	Release(ctx context.Context, p tenancy.Principal, id string) (halt.Halt, error)
	ReleasePlatform(ctx context.Context, p tenancy.Principal, id string) (halt.Halt, error)
	Over(ctx context.Context, p tenancy.Principal) (halt.Halts, error)
	List(ctx context.Context, p tenancy.Principal) (halt.Halts, error)
	ListPlatform(ctx context.Context, p tenancy.Principal) (halt.Halts, error)
}

// The pages of the tenant's switch and of the installation's.
const (
	haltPath      = "/halt"
	adminHaltPath = "/admin/halt"
)

// haltPage asks before everything is stopped, and shows the switches.
type haltPage struct {
	// Path is the page's own.
	Path string
	// Platform is true for the switch of the installation.
	Platform bool
	// Bot is the one that is to be stopped alone; zero for all.
	Bot bot.Bot
	// On are switches that can be released here, Past those that are off, and Above one
	// of the installation that a tenant cannot release. Pulled says that all that the page
	// would stop is stopped by one of On.
	On, Past []haltRow
	Pulled   bool
	Above    *halt.Halt
	// May is true if who looks may use them.
	May bool
	// Fault says what is wrong with the reason, which is given back.
	Fault, Reason string
	Flatten       bool
}

// haltRow is a switch with the name of its bot.
type haltRow struct {
	halt.Halt
	Name string
}

// What is what it covers, in words.
func (r haltRow) What() string {
	switch r.Scope() {
	case halt.Tenant:
		return "All of your bots"
	case halt.Platform:
		return "All bots of the installation"
	case halt.Bot:
	}
	if r.Name == "" {
		return "One bot"
	}
	return r.Name
}

// Pulled and Released are when that was.
func (r haltRow) Pulled() moment   { return moment{r.PulledAt} }
func (r haltRow) Released() moment { return moment{r.ReleasedAt} }

// haltNotice is what every page says while a switch is on.
type haltNotice struct {
	Text, Path string
	Wide       bool
}

// halted returns what a page says about switches that are on; nil if there is none, or
// if that cannot be read now, for which no page fails.
func (w *Web) halted(rq *request) *haltNotice {
	list, err := w.cfg.Halts.Over(rq.Context(), rq.who)
	if err != nil {
		w.cfg.Logger.WarnContext(rq.Context(), "kill switches cannot be read for a page", "error", err)
		return nil
	}
	if len(list) == 0 {
		return nil
	}
	h, _ := list.Cover(rq.who.TenantID, "")
	switch {
	case h.ID != "" && h.Scope() == halt.Platform && rq.who.PlatformAdmin:
		return &haltNotice{h.Says(), adminHaltPath, true}
	case h.ID != "":
		return &haltNotice{h.Says(), haltPath, true}
	case len(list) == 1:
		return &haltNotice{"The kill switch of one bot is on: it is stopped, and cannot be started.", haltPath, false}
	}
	return &haltNotice{"The kill switches of some bots are on: they are stopped, and cannot be started.", haltPath, false}
}

// barred says which switch keeps a bot from being started; "" if none does, or that cannot
// be read now.
func (w *Web) barred(rq *request, b bot.Bot) string {
	list, err := w.cfg.Halts.Over(rq.Context(), rq.who)
	if err != nil {
		return "" // as halted, which logs it
	}
	if h, on := list.Cover(b.TenantID, b.ID); on {
		return h.Says()
	}
	return ""
}

func (w *Web) haltForm(rq *request) error {
	return w.showHalt(rq, http.StatusOK, haltPage{Path: haltPath})
}

func (w *Web) adminHaltForm(rq *request) error {
	return w.showHalt(rq, http.StatusOK, haltPage{Path: adminHaltPath, Platform: true})
}

// showHalt renders the page.
func (w *Web) showHalt(rq *request, status int, p haltPage) (err error) {
	var list, over halt.Halts
	title, nav := "Stop everything", "overview"
	if p.Platform {
		title, nav, p.May = "Stop the installation", "admin", true
		list, err = w.cfg.Halts.ListPlatform(rq.Context(), rq.who)
	} else {
		p.May = rq.who.Can(tenancy.BotsTrade)
		if list, err = w.cfg.Halts.List(rq.Context(), rq.who); err == nil {
			over, err = w.cfg.Halts.Over(rq.Context(), rq.who)
		}
	}
	if err != nil {
		return err
	}
	for i := range over {
		if over[i].Scope() == halt.Platform {
			p.Above = &over[i]
		}
	}
	if id := rq.FormValue("bot"); id != "" && !p.Platform {
		if p.Bot, err = w.cfg.Bots.Bot(rq.Context(), rq.who, id); err != nil {
			return err
		}
		title = "Stop " + p.Bot.Name
	}
	for _, h := range list {
		row := haltRow{Halt: h}
		if h.BotID != "" {
			b, err := w.cfg.Bots.Bot(rq.Context(), rq.who, h.BotID)
			if err != nil && errs.KindOf(err) != errs.NotFound {
				return err
			}
			row.Name = b.Name
		}
		if h.On() {
			p.On = append(p.On, row)
			p.Pulled = p.Pulled || h.BotID == "" || h.BotID == p.Bot.ID
		} else {
			p.Past = append(p.Past, row)
		}
	}
	return w.page(rq, status, "halt/halt", view{Title: title, Nav: nav, D: p})
}

func (w *Web) pullHalt(rq *request) error {
	in := halt.PullInput{BotID: rq.PostFormValue("bot")}
	if in.BotID != "" {
		in.Scope = halt.Bot
	}
	return w.pull(rq, in, haltPage{Path: haltPath})
}

func (w *Web) pullPlatformHalt(rq *request) error {
	return w.pull(rq, halt.PullInput{Scope: halt.Platform}, haltPage{Path: adminHaltPath, Platform: true})
}

// pull pulls a switch with what the form says.
func (w *Web) pull(rq *request, in halt.PullInput, p haltPage) error {
	in.Flatten, in.Reason = rq.PostFormValue("flatten") == "true", strings.TrimSpace(rq.PostFormValue("reason"))
	_, err := w.cfg.Halts.Pull(rq.Context(), rq.who, in)
	if faults, ok := faultsOf(err); ok {
		p.Fault, p.Reason, p.Flatten = faults["reason"], in.Reason, in.Flatten
		return w.showHalt(rq, http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	return rq.redirect(p.Path + "?notice=halted")
}

func (w *Web) releaseHalt(rq *request) error {
	if _, err := w.cfg.Halts.Release(rq.Context(), rq.who, rq.PathValue("id")); err != nil {
		return err
	}
	return rq.redirect(haltPath + "?notice=released")
}

func (w *Web) releasePlatformHalt(rq *request) error {
	if _, err := w.cfg.Halts.ReleasePlatform(rq.Context(), rq.who, rq.PathValue("id")); err != nil {
		return err
	}
	return rq.redirect(adminHaltPath + "?notice=released")
}

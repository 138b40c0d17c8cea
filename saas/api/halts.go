package api

import (
	"context"
	"net/http"
	"time"

	"github.com/lunobot/lunobot/saas/halt"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/tenancy"
)

// haltView is a kill switch that was pulled, as the API shows it.
type haltView struct {
	ID         string     `json:"id" doc:"Identifies the switch." example:"0197e1a2-6f00-7a00-8000-000000000009"`
	Scope      string     `json:"scope" enum:"bot,tenant,platform" doc:"What it stops: a bot, every bot of the tenant, or every bot of the installation." example:"tenant"`
	BotID      string     `json:"bot_id" doc:"The bot, if the scope is one; else empty." example:""`
	On         bool       `json:"on" doc:"Whether it is on: then no bot that it stops can be started." example:"true"`
	Flatten    bool       `json:"flatten" doc:"Whether positions are closed, too." example:"false"`
	Reason     string     `json:"reason" doc:"What the one who pulled it said." example:"The market is mad."`
	PulledBy   string     `json:"pulled_by" doc:"Who pulled it; empty for a switch of the installation." example:"ada@example.com"`
	PulledAt   time.Time  `json:"pulled_at" doc:"When it was pulled." example:"2026-01-02T15:04:05Z"`
	ReleasedBy string     `json:"released_by" doc:"Who released it; empty while it is on." example:""`
	ReleasedAt *time.Time `json:"released_at" doc:"When it was released; null while it is on." example:"2026-01-02T16:04:05Z"`
	Stopped    int64      `json:"stopped" doc:"How many bots it has asked to stop." example:"3"`
}

func haltOf(h halt.Halt) haltView {
	return haltView{
		ID: h.ID, Scope: string(h.Scope()), BotID: h.BotID, On: h.On(), Flatten: h.Flatten, Reason: h.Reason, PulledBy: h.PulledBy, PulledAt: h.PulledAt.UTC(),
		ReleasedBy: h.ReleasedBy, ReleasedAt: moment(h.ReleasedAt), Stopped: h.Stopped,
	}
}

// haltForTenants hides who of the operator's people pulled a switch of the installation,
// and how many bots of others it stopped.
func haltForTenants(h halt.Halt) haltView {
	v := haltOf(h)
	if h.Scope() == halt.Platform {
		v.PulledBy, v.Stopped = "", 0
	}
	return v
}

// pulling is the body that pulls a switch of a tenant.
type pulling struct {
	Scope   string `json:"scope,omitempty" validate:"omitempty,oneof=bot tenant" doc:"What to stop; defaults to every bot of the tenant." example:"tenant"`
	BotID   string `json:"bot_id,omitempty" validate:"max=100" doc:"The bot, for the scope bot."`
	Flatten bool   `json:"flatten,omitempty" doc:"Whether to close positions, too, by market orders: at the exchange at once, on paper at the next candle's open." example:"false"`
	Reason  string `json:"reason,omitempty" validate:"max=200" doc:"Why; it is shown to everybody whose bots it stops." example:"The market is mad."`
}

// stopping is the body that pulls the switch of the installation.
type stopping struct {
	Flatten bool   `json:"flatten,omitempty" doc:"Whether to close positions, too, by market orders: at the exchange at once, on paper at the next candle's open." example:"false"`
	Reason  string `json:"reason,omitempty" validate:"max=200" doc:"Why; it is shown to every tenant." example:"The exchange is being attacked."`
}

// HaltPath is a switch in a path.
type HaltPath struct {
	ID string `path:"halt_id" doc:"The switch's id."`
}

func (a *API) haltRoutes() {
	const own, platform = "/api/v1/trading/halts", "/api/v1/admin/halts"
	handle(a, operation{
		method: http.MethodGet, path: own, id: "list-halts", tag: tagBots,
		summary: "List kill switches", description: "Lists a switch of the installation that is on, and then the tenant's newest 200, those that were released among them. It comes whole: next_cursor is null.",
	}, a.listHalts)
	handle(a, operation{
		method: http.MethodPost, path: own, id: "pull-halt", tag: tagBots,
		summary: "Pull a kill switch",
		description: "Stops a bot or every bot of the tenant within a second, takes their orders back and, if asked to, closes their positions. " +
			"No such bot can be started until the switch is released. Pulling one that is on answers with that one, which flattens from then on if asked to.",
	}, a.pullHalt)
	handle(a, operation{
		method: http.MethodPost, path: own + "/{halt_id}/release", id: "release-halt", tag: tagBots,
		summary: "Release a kill switch", description: "Lets bots be started again. None starts by itself.",
	}, a.releaseHalt)
	handle(a, operation{
		method: http.MethodGet, path: platform, id: "list-platform-halts", tag: tagAdmin, admin: true,
		summary: "List kill switches of the installation", description: "Lists the newest 200, those that were released among them. It comes whole: next_cursor is null.",
	}, a.listPlatformHalts)
	handle(a, operation{
		method: http.MethodPost, path: platform, id: "pull-platform-halt", tag: tagAdmin, admin: true,
		summary:     "Stop every bot of the installation",
		description: "Stops every bot of every tenant within a second, takes their orders back and, if asked to, closes their positions. No bot can be started until the switch is released.",
	}, a.pullPlatformHalt)
	handle(a, operation{
		method: http.MethodPost, path: platform + "/{halt_id}/release", id: "release-platform-halt", tag: tagAdmin, admin: true,
		summary: "Release a kill switch of the installation", description: "Lets bots be started again. None starts by itself.",
	}, a.releasePlatformHalt)
}

func (a *API) listHalts(ctx context.Context, who tenancy.Principal, _ *nothing) (*answer[listOf[haltView]], error) {
	over, err := a.cfg.Halts.Over(ctx, who)
	if err != nil {
		return nil, err
	}
	own, err := a.cfg.Halts.List(ctx, who)
	if err != nil {
		return nil, err
	}
	var all halt.Halts
	for _, h := range over {
		if h.Scope() == halt.Platform {
			all = append(all, h)
		}
	}
	return listed(a.cursors, nil, page.List[halt.Halt]{Items: append(all, own...)}, haltForTenants), nil
}

func (a *API) pullHalt(ctx context.Context, who tenancy.Principal, in *struct{ Body body[pulling] }) (*answer[haltView], error) {
	b := in.Body.Value
	return haltAnswered(a.cfg.Halts.Pull(ctx, who, halt.PullInput{Scope: halt.Scope(b.Scope), BotID: b.BotID, Flatten: b.Flatten, Reason: b.Reason}))
}

func (a *API) releaseHalt(ctx context.Context, who tenancy.Principal, in *struct{ HaltPath }) (*answer[haltView], error) {
	return haltAnswered(a.cfg.Halts.Release(ctx, who, in.ID))
}

func (a *API) listPlatformHalts(ctx context.Context, who tenancy.Principal, _ *nothing) (*answer[listOf[haltView]], error) {
	list, err := a.cfg.Halts.ListPlatform(ctx, who)
	if err != nil {
		return nil, err
	}
	return listed(a.cursors, nil, page.List[halt.Halt]{Items: list}, haltOf), nil
}

func (a *API) pullPlatformHalt(ctx context.Context, who tenancy.Principal, in *struct{ Body body[stopping] }) (*answer[haltView], error) {
	b := in.Body.Value
	return haltAnswered(a.cfg.Halts.Pull(ctx, who, halt.PullInput{Scope: halt.Platform, Flatten: b.Flatten, Reason: b.Reason}))
}

func (a *API) releasePlatformHalt(ctx context.Context, who tenancy.Principal, in *struct{ HaltPath }) (*answer[haltView], error) {
	return haltAnswered(a.cfg.Halts.ReleasePlatform(ctx, who, in.ID))
}

func haltAnswered(h halt.Halt, err error) (*answer[haltView], error) {
	if err != nil {
		return nil, err
	}
	return &answer[haltView]{Body: haltOf(h)}, nil
}

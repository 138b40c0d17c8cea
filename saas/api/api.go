package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/blotter"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/ceiling"
	"github.com/lunobot/lunobot/saas/halt"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/ratelimit"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/tenancy"
)

// Config says what an API works with.
type Config struct {
	// Backtests knows runs over history. Required.
	Backtests *research.Service
	// Billing knows plans and subscriptions. Required.
	Billing *billing.Service
	// Blotter knows live orders. Required.
	Blotter *blotter.Service
	// Bots knows configurations and bots. Required.
	Bots *bot.Service
	// Ceilings knows the bounds of all live bots together. Required.
	Ceilings *ceiling.Service
	// Catalog knows the strategies that were put in. Required.
	Catalog Catalog
	// Accounts knows the tenants' exchange accounts. Required.
	Accounts *account.Service
	// ClientIP returns the address that a request came from; behind a proxy it
	// is the place to trust the proxy's header. Defaults to the peer's address.
	ClientIP func(r *http.Request) string
	// CursorKey signs cursors, at least 32 bytes. All servers of an installation
	// share it. Required.
	CursorKey []byte
	// Halts knows the kill switches. Required.
	Halts *halt.Service
	// Heartbeat is how often a stream is kept awake and its token checked anew.
	// Defaults to 15 seconds.
	Heartbeat time.Duration
	// HookRate is what is let through to one webhook from one network. Defaults to
	// 60 at once and 120 a minute.
	HookRate ratelimit.Rate
	// Hooks knows the bots' webhooks. Required.
	Hooks *hook.Service
	// Journal knows what bots did. Required.
	Journal journal.Store
	// Live announces what bots do. Required.
	Live Live
	// Logger gets a line for each request and the causes of internal errors.
	// Defaults to none.
	Logger *slog.Logger
	// Markets knows what is traded, and at which prices. Required.
	Markets Markets
	// MarketLabel says where prices come from if they are not live ones. Defaults
	// to "".
	MarketLabel string
	// Now is the clock. Required.
	Now func() time.Time
	// Origins are the web sites whose pages may call the API from a browser, such
	// as "https://app.example.com"; each is matched exactly. Defaults to none.
	Origins []string
	// Progress announces how far backtests are. Required.
	Progress Live
	// ProblemBase is what the types of problems begin with; the kind follows.
	// Defaults to "/docs#problem-", where they are explained.
	ProblemBase string
	// Rand is the source of request ids. Defaults to crypto/rand.Reader.
	Rand io.Reader
	// Ready reports whether the server can do its work. Required.
	Ready func(ctx context.Context) error
	// Replays makes parity reports. Required.
	Replays *replay.Service
	// SenderRate is what is let through from one network to all webhooks together.
	// Defaults to 600 at once and 3,000 a minute.
	SenderRate ratelimit.Rate
	// Strategies knows which strategies can be used. Required.
	Strategies Strategies
	// Streams is how many streams a tenant may have open on this server; what
	// serves pages beside the API shares it. Defaults to live.DefaultPlaces.
	Streams *live.Places
	// Tenancy knows people and sessions. Required.
	Tenancy *tenancy.Service
	// Title is the name of the API in its document. Defaults to "Lunobot API".
	Title string
	// Version is the version of the program, for the document. Defaults to
	// "1.0.0".
	Version string
}

func (c Config) withDefaults() Config {
	if c.ClientIP == nil {
		c.ClientIP = peerAddress
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 15 * time.Second
	}
	if c.HookRate == (ratelimit.Rate{}) {
		c.HookRate = ratelimit.Rate{Burst: 60, PerMinute: 120}
	}
	if c.SenderRate == (ratelimit.Rate{}) {
		c.SenderRate = ratelimit.Rate{Burst: 600, PerMinute: 3_000}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.ProblemBase == "" {
		c.ProblemBase = "/docs#problem-"
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Streams == nil {
		c.Streams = live.NewPlaces(live.DefaultPlaces)
	}
	if c.Title == "" {
		c.Title = "Lunobot API"
	}
	if c.Version == "" {
		c.Version = "1.0.0"
	}
	return c
}

func (c Config) validate() error {
	var problems []error
	for _, f := range []struct {
		name    string
		missing bool
	}{
		{"Accounts", c.Accounts == nil}, {"Backtests", c.Backtests == nil}, {"Billing", c.Billing == nil}, {"Blotter", c.Blotter == nil}, {"Bots", c.Bots == nil}, {"Catalog", c.Catalog == nil}, {"Ceilings", c.Ceilings == nil}, {"Halts", c.Halts == nil}, {"Hooks", c.Hooks == nil}, {"Journal", c.Journal == nil}, {"Live", c.Live == nil},
		{"Markets", c.Markets == nil}, {"Now", c.Now == nil}, {"Progress", c.Progress == nil}, {"Ready", c.Ready == nil},
		{"Replays", c.Replays == nil},
		{"Strategies", c.Strategies == nil}, {"Tenancy", c.Tenancy == nil},
	} {
		if f.missing {
			problems = append(problems, fmt.Errorf("api: Config.%s is required", f.name))
		}
	}
	if len(c.CursorKey) < 32 {
		problems = append(problems, errors.New("api: Config.CursorKey is shorter than 32 bytes"))
	}
	if c.Heartbeat < 0 {
		problems = append(problems, errors.New("api: Config.Heartbeat must not be negative"))
	}
	for _, o := range c.Origins {
		u, err := url.Parse(o)
		if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != o {
			problems = append(problems, fmt.Errorf("api: the origin %q is not of the form https://host", o))
		}
	}
	return errors.Join(problems...)
}

// API serves the JSON interface. It is safe for concurrent use.
type API struct {
	cfg     Config
	cursors cursors
	checker *checker
	router  chi.Router
	huma    huma.API
	routes  []Route
	streams *streams
	senders *ratelimit.Limiter
	spec    []byte
	// inputs are the types of bodies, and faulty what is wrong with routes.
	inputs inputs
	faulty error
}

// New checks cfg, naming all that is wrong with it, and builds an API.
func New(cfg Config) (*API, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	senders, err := newSenders(cfg)
	if err != nil {
		return nil, err
	}
	a := &API{
		cfg: cfg, cursors: cursors{key: cfg.CursorKey}, checker: newChecker(),
		router: chi.NewRouter(), streams: newStreams(), senders: senders, inputs: inputs{},
	}
	a.router.Use(a.secure, a.observe, a.crossOrigin, a.limitHooks, middleware.GetHead)
	a.router.NotFound(a.noRoute)
	a.router.MethodNotAllowed(a.wrongMethod)
	a.huma = newDocument(a)
	a.healthRoutes()
	a.authRoutes()
	a.configRoutes()
	a.botRoutes()
	a.liveRoutes()
	a.blotterRoutes()
	a.parityRoutes()
	a.historyRoutes()
	a.performanceRoute()
	a.streamRoute()
	a.hookRoutes()
	a.accountRoutes()
	a.backtestRoutes()
	a.historiesRoutes()
	a.subscriptionRoutes()
	a.strategyRoutes()
	a.marketRoutes()
	a.catalogRoutes()
	a.haltRoutes()
	a.ceilingRoutes()
	if err := a.finishDocument(); err != nil {
		return nil, err
	}
	return a, a.docsRoutes()
}

// Handler serves /api/v1/…, /hooks/v1/…, /openapi.json, /docs, /health and /ready; any other
// path is a 404.
func (a *API) Handler() http.Handler { return a.router }

// Route is one operation of the API.
type Route struct{ Method, Path string }

// Routes lists the operations in the order of their registration.
func (a *API) Routes() []Route { return append([]Route(nil), a.routes...) }

// Stop ends the open streams, which a server's shutdown would wait for; give it
// to http.Server.RegisterOnShutdown. Streams that are asked for afterwards end
// at once.
func (a *API) Stop() { a.streams.stop() }

func peerAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

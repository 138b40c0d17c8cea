package web

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

	"github.com/lunobot/lunobot/billing"
	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/blotter"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/hook"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/replay"
	"github.com/lunobot/lunobot/saas/research"
	"github.com/lunobot/lunobot/strategy/param"
	"github.com/lunobot/lunobot/tenancy"
)

// Tenancy is what the pages need of people and sessions; *tenancy.Service is
// one.
type Tenancy interface {
	Register(ctx context.Context, in tenancy.RegisterInput) (tenancy.Login, error)
	RedeemAdminLink(ctx context.Context, token string, in tenancy.RegisterInput) (tenancy.Login, error)
	Login(ctx context.Context, in tenancy.LoginInput) (tenancy.Login, error)
	Refresh(ctx context.Context, in tenancy.RefreshInput) (tenancy.Login, error)
	Authenticate(ctx context.Context, accessToken string) (tenancy.Principal, error)
	Logout(ctx context.Context, p tenancy.Principal) error
	Me(ctx context.Context, p tenancy.Principal) (tenancy.Profile, error)
	UpdateProfile(ctx context.Context, p tenancy.Principal, in tenancy.UpdateProfileInput) (tenancy.User, error)
	ChangePassword(ctx context.Context, p tenancy.Principal, in tenancy.ChangePasswordInput) error
	Sessions(ctx context.Context, p tenancy.Principal) ([]tenancy.Session, error)
	RevokeSession(ctx context.Context, p tenancy.Principal, sessionID string) error
	RevokeOtherSessions(ctx context.Context, p tenancy.Principal) (int, error)
}

// Accounts is what the pages need of exchange accounts; *account.Service is one.
type Accounts interface {
	Account(ctx context.Context, p tenancy.Principal, id string) (account.Account, error)
	Accounts(ctx context.Context, p tenancy.Principal, pg page.Page) (page.List[account.Account], error)
	Connect(ctx context.Context, p tenancy.Principal, in account.Connect) (account.Account, error)
	Disconnect(ctx context.Context, p tenancy.Principal, id string) error
	Recheck(ctx context.Context, p tenancy.Principal, id string) (account.Account, error)
	ReplaceKey(ctx context.Context, p tenancy.Principal, id string, in account.Connect) (account.Account, error)
}

// Billing is what the pages need of subscriptions; *billing.Service is one.
type Billing interface {
	Catalog() *billing.Catalog
	Subscription(ctx context.Context, tenantID string) (billing.Standing, error)
	ChangePlan(ctx context.Context, tenantID string, in billing.ChangePlanInput) (billing.Change, error)
	Invoices(ctx context.Context, tenantID string) ([]billing.Invoice, error)
}

// Gate says how much of a plan is used; *billing.Gate is one.
type Gate interface {
	Usage(ctx context.Context, tenantID string) ([]billing.Usage, error)
}

// Bots is what the pages need of bots; *bot.Service is one.
type Bots interface {
	Check(ctx context.Context, p tenancy.Principal, in bot.CreateInput) error
	Create(ctx context.Context, p tenancy.Principal, in bot.CreateInput) (bot.Config, bot.Bot, error)
	Config(ctx context.Context, p tenancy.Principal, id string) (bot.Config, error)
	Update(ctx context.Context, p tenancy.Principal, id string, in bot.UpdateInput) (bot.Config, error)
	Bot(ctx context.Context, p tenancy.Principal, id string) (bot.Bot, error)
	Bots(ctx context.Context, p tenancy.Principal, pg page.Page) (page.List[bot.Bot], error)
	Start(ctx context.Context, p tenancy.Principal, id string) (bot.Bot, error)
	Stop(ctx context.Context, p tenancy.Principal, id string) (bot.Bot, error)
	CloseOnly(ctx context.Context, p tenancy.Principal, id string, on bool) (bot.Bot, error)
	ResumeBreaker(ctx context.Context, p tenancy.Principal, id string) (bot.Bot, error)
	Delete(ctx context.Context, p tenancy.Principal, botID string) error
	CheckUpgrade(ctx context.Context, p tenancy.Principal, botID string, in bot.UpgradeInput) error
	Upgrade(ctx context.Context, p tenancy.Principal, botID string, in bot.UpgradeInput) (bot.Config, error)
	Preview(ctx context.Context, p tenancy.Principal, botID string, in bot.GoLiveInput) (bot.LiveSummary, error)
	GoLive(ctx context.Context, p tenancy.Principal, botID string, in bot.GoLiveInput) (bot.Config, error)
	GoPaper(ctx context.Context, p tenancy.Principal, botID string, version int64) (bot.Config, error)
	Leftover(ctx context.Context, p tenancy.Principal, botID string) (bot.Leftover, error)
	WriteOff(ctx context.Context, p tenancy.Principal, botID string, in bot.WriteOffInput) (bot.Config, error)
}

// Blotter is what the pages need of live orders; *blotter.Service is one.
type Blotter interface {
	Orders(ctx context.Context, p tenancy.Principal, botID string, pg page.Page) (page.List[journal.LiveOrder], error)
	Order(ctx context.Context, p tenancy.Principal, botID string, number int64) (blotter.Order, error)
	Report(ctx context.Context, p tenancy.Principal, botID string) (blotter.Report, error)
	Decide(ctx context.Context, p tenancy.Principal, botID, pair, venueID string, d journal.ForeignDecision) error
	Resume(ctx context.Context, p tenancy.Principal, botID string) error
}

// Journal is what the pages read of what bots did; every journal.Store is one.
type Journal interface {
	Summaries(ctx context.Context, tenantID string, botIDs ...string) (map[string]journal.Summary, error)
	Orders(ctx context.Context, tenantID, botID string, p page.Page) ([]journal.Order, error)
	Fills(ctx context.Context, tenantID, botID string, p page.Page) ([]journal.Fill, error)
	Decisions(ctx context.Context, tenantID, botID string, p page.Page) ([]journal.Decision, error)
	OpenOrders(ctx context.Context, tenantID, botID string) ([]journal.Order, error)
	Equity(ctx context.Context, tenantID, botID string, q journal.EquityQuery) ([]journal.EquityPoint, error)
	DailyEquity(ctx context.Context, tenantID, botID string, since time.Time) ([]journal.EquityPoint, error)
	Plots(ctx context.Context, tenantID, botID string) ([]journal.Plot, error)
}

var _ Journal = journal.Store(nil)

// Live delivers what happens to a bot, or a backtest, while it happens.
type Live interface {
	// Subscribe returns its updates until ctx ends; the channel is closed if they
	// cannot be delivered any longer. What is another tenant's has none.
	Subscribe(ctx context.Context, tenantID, id string) (<-chan live.Update, error)
}

// Research is what the pages need of backtests; *research.Service is one.
type Research interface {
	Check(ctx context.Context, p tenancy.Principal, in research.CreateInput) (research.Request, error)
	Create(ctx context.Context, p tenancy.Principal, in research.CreateInput) (research.Run, error)
	Run(ctx context.Context, p tenancy.Principal, id string) (research.Run, error)
	Runs(ctx context.Context, p tenancy.Principal, pg page.Page) (page.List[research.Run], error)
	Result(ctx context.Context, p tenancy.Principal, id string, part research.Part) ([]byte, error)
	Cancel(ctx context.Context, p tenancy.Principal, id string) (research.Run, error)
	Delete(ctx context.Context, p tenancy.Principal, id string) error
	// Offers lists the histories, Offer returns one with its holes.
	Offers(ctx context.Context, p tenancy.Principal) ([]research.Offer, error)
	Offer(ctx context.Context, p tenancy.Principal, ref research.Ref) (research.Offer, error)
	// Keep is how many runs are kept.
	Keep() int
	// HungVersions lists the versions whose backtests hung lately, over all tenants.
	HungVersions(ctx context.Context) ([]research.HungVersion, error)
}

// Hooks is what the pages need of the bots' webhooks; *hook.Service is one.
type Hooks interface {
	// Takes reports whether a bot can have a webhook.
	Takes(ctx context.Context, b bot.Bot) bool
	Hook(ctx context.Context, p tenancy.Principal, botID string) (hook.Hook, error)
	Create(ctx context.Context, p tenancy.Principal, botID string) (hook.Hook, hook.Secret, error)
	Rotate(ctx context.Context, p tenancy.Principal, botID string, overlap time.Duration) (hook.Hook, hook.Secret, error)
	Revoke(ctx context.Context, p tenancy.Principal, botID string) error
	Signals(ctx context.Context, p tenancy.Principal, botID string, pg page.Page) (page.List[hook.Signal], error)
}

// Replays is what the pages need of parity reports; *replay.Service is one.
type Replays interface {
	Request(ctx context.Context, p tenancy.Principal, botID string) (replay.Replay, error)
	Replay(ctx context.Context, p tenancy.Principal, botID string) (replay.Replay, error)
}

// Strategy is one strategy that can be chosen.
type Strategy struct {
	// Name identifies the strategy; Version is that of the one installed.
	Name, Version string
	// Pin is what a bot of the version is pinned to; "" if the program contains it.
	Pin string
	// Title and Summary are for people.
	Title, Summary string
	// Guide is its documentation in Markdown, by its author; "" if there is none.
	Guide string
	// Schema is the form of the parameters; never nil.
	Schema *param.Schema
	// TradesPairs is true if a bot of it can trade several pairs with one balance.
	TradesPairs bool
}

// MarketKind says what prices are, so that nobody takes one for another.
type MarketKind string

// The kinds of markets.
const (
	// MarketReplay has recorded prices and a clock of its own.
	MarketReplay MarketKind = "replay"
	// MarketSimulated has prices that are made up as time goes on.
	MarketSimulated MarketKind = "simulated"
	// MarketLive has those of this moment.
	MarketLive MarketKind = "live"
)

// Config is what the pages work with.
type Config struct {
	// AppName is the name at the top of each page. Defaults to "Lunobot".
	AppName string
	// BaseURL is the address under which browsers see the pages, such as
	// "https://bots.example.com". Defaults to the address of each request.
	BaseURL string
	// Accounts knows the exchange accounts. Required.
	Accounts Accounts
	// Billing and Gate know the plan. Required.
	Billing Billing
	Gate    Gate
	// Blotter knows live orders. Required.
	Blotter Blotter
	// Bots are the tenants' bots. Required.
	Bots Bots
	// Catalog is what was put in, for administrators of the installation. Required.
	Catalog Catalog
	// Ceilings are the bounds of all live bots together. Required.
	Ceilings Ceilings
	// ClientIP finds the address that a request came from. Defaults to the
	// connection's, which is wrong behind a proxy.
	ClientIP func(r *http.Request) string
	// Heartbeat is how often an event stream says that it lives, and looks
	// whether its session still does. Defaults to 15 seconds.
	Heartbeat time.Duration
	// Halts are the kill switches. Required.
	Halts Halts
	// Hooks are the bots' webhooks. Required.
	Hooks Hooks
	// Journal is what bots did. Required.
	Journal Journal
	// Live delivers updates of bots. Required.
	Live Live
	// LiveTitle is what the exchange is called at which bots can go live, such as
	// "Luno". Defaults to "": bots stay on paper.
	LiveTitle string
	// Logger gets internal errors with their support code. Defaults to none.
	Logger *slog.Logger
	// Machine tells how this server runs strategies. Required.
	Machine func(ctx context.Context) Machine
	// MarketKind says what the prices are. Defaults to MarketReplay.
	MarketKind MarketKind
	// MarketNotice stands beside prices, such as "Replay of real candles, not live
	// prices". Defaults to nothing.
	MarketNotice string
	// MarketTime is the clock of the market. Defaults to Now.
	MarketTime func() time.Time
	// Markets is where prices come from. Required.
	Markets exchange.MarketData
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Prices returns the last prices of pairs, in ticks; those that cannot be had are
	// left out. Defaults to the closing prices of the newest candles.
	Prices func(ctx context.Context, pairs []string) map[string]exchange.Ticks
	// Progress delivers updates of backtests. Required.
	Progress Live
	// Rand is the source of support codes. Defaults to crypto/rand.Reader.
	Rand io.Reader
	// Replays makes parity reports. Required.
	Replays Replays
	// Research is the tenants' backtests. Required.
	Research Research
	// Secure says that browsers come by https: cookies are then bound to it.
	Secure bool
	// Strategies lists what can be chosen, in the order of the page. Required.
	Strategies func() []Strategy
	// Streams is how many streams a tenant may have open on this server; the API
	// beside the pages shares it. Defaults to live.DefaultPlaces.
	Streams *live.Places
	// Tenancy knows who asks. Required.
	Tenancy Tenancy
	// Versions lists the versions of a strategy that can be used. Required.
	Versions func(name string) []Strategy
}

func (c Config) withDefaults() Config {
	if c.AppName == "" {
		c.AppName = "Lunobot"
	}
	if c.ClientIP == nil {
		c.ClientIP = func(r *http.Request) string {
			host, _, err := net.SplitHostPort(r.RemoteAddr)
			if err != nil {
				return r.RemoteAddr
			}
			return host
		}
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 15 * time.Second
	}
	if c.MarketKind == "" {
		c.MarketKind = MarketReplay
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.MarketTime == nil {
		c.MarketTime = c.Now
	}
	if c.Prices == nil {
		c.Prices = c.closes
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Streams == nil {
		c.Streams = live.NewPlaces(live.DefaultPlaces)
	}
	return c
}

func (c Config) validate() error {
	var problems []error
	for _, f := range []struct {
		name    string
		missing bool
	}{
		{"Accounts", c.Accounts == nil}, {"Billing", c.Billing == nil}, {"Blotter", c.Blotter == nil}, {"Bots", c.Bots == nil}, {"Catalog", c.Catalog == nil}, {"Ceilings", c.Ceilings == nil}, {"Gate", c.Gate == nil}, {"Halts", c.Halts == nil}, {"Hooks", c.Hooks == nil}, {"Journal", c.Journal == nil},
		{"Live", c.Live == nil}, {"Machine", c.Machine == nil}, {"Markets", c.Markets == nil}, {"Progress", c.Progress == nil},
		{"Replays", c.Replays == nil}, {"Research", c.Research == nil}, {"Strategies", c.Strategies == nil}, {"Tenancy", c.Tenancy == nil},
		{"Versions", c.Versions == nil},
	} {
		if f.missing {
			problems = append(problems, fmt.Errorf("web: Config.%s is required", f.name))
		}
	}
	if c.BaseURL != "" {
		u, err := url.Parse(c.BaseURL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.Path != "" {
			problems = append(problems, fmt.Errorf("web: Config.BaseURL %q must be a scheme and a host, such as https://bots.example.com", c.BaseURL))
		}
	}
	return errors.Join(problems...)
}

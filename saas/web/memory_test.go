package web_test

import (
	"cmp"
	"context"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/lunobot/lunobot/saas/account"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/live"
	"github.com/lunobot/lunobot/saas/page"
	"github.com/lunobot/lunobot/saas/saasdb"
)

func readAll(t testing.TB, res *http.Response) string {
	t.Helper()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// memoryBots is a store of bots in memory.
type memoryBots struct {
	mu      sync.Mutex
	bots    []bot.Bot
	configs map[string]bot.Config
	// db has the accounts, and what is at stake there; paper is what bots have shown
	// without real money.
	db    *saasdb.Store
	paper bot.PaperRun
}

func newMemoryBots(db *saasdb.Store) *memoryBots {
	return &memoryBots{configs: map[string]bot.Config{}, db: db}
}

func (m *memoryBots) InsertBot(ctx context.Context, tenantID string, c bot.Config, b bot.Bot) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	hung := c // what hangs on it in the database needs a row there
	hung.StrategyVersion, hung.Upgrade = "", bot.Upgrade{}
	if err := m.db.InsertBot(ctx, tenantID, hung, b); err != nil {
		return err
	}
	m.configs[c.ID] = c
	m.bots = append(m.bots, b)
	return nil
}

func (m *memoryBots) Config(_ context.Context, tenantID, id string) (bot.Config, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.configs[id]
	if !ok || c.TenantID != tenantID {
		return bot.Config{}, errs.New(errs.NotFound, "config_not_found", "no configuration %q", id)
	}
	return c, nil
}

func (m *memoryBots) Configs(_ context.Context, tenantID string, p page.Page) ([]bot.Config, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []bot.Config
	for _, c := range m.configs {
		if c.TenantID == tenantID {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b bot.Config) int { return cmp.Compare(b.ID, a.ID) })
	return after(list, p, func(c bot.Config) string { return c.ID }), nil
}

func (m *memoryBots) UpdateConfig(ctx context.Context, tenantID string, c bot.Config) (bot.Config, error) {
	old, err := m.Config(ctx, tenantID, c.ID)
	if err != nil {
		return bot.Config{}, err
	}
	if old.Version != c.Version {
		return bot.Config{}, errs.New(errs.Stale, "config_changed", "the configuration was changed meanwhile")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c.Version++
	m.configs[c.ID] = c
	for i := range m.bots {
		if m.bots[i].ConfigID == c.ID {
			m.bots[i] = configured(m.bots[i], c)
		}
	}
	return c, nil
}

// configured is a bot with what it has from its configuration.
func configured(b bot.Bot, c bot.Config) bot.Bot {
	b.Name, b.Also, b.Interval, b.Mode, b.AccountID = c.Name, c.Also, c.Interval, c.Mode, c.AccountID
	return b
}

func (m *memoryBots) Bot(_ context.Context, tenantID, id string) (bot.Bot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.bots {
		if b.ID == id && b.TenantID == tenantID {
			return b, nil
		}
	}
	return bot.Bot{}, errs.New(errs.NotFound, "bot_not_found", "no bot %q", id)
}

func (m *memoryBots) LockBot(ctx context.Context, tenantID, id string) (bot.Bot, error) {
	return m.Bot(ctx, tenantID, id)
}

func (m *memoryBots) Bots(_ context.Context, tenantID string, p page.Page) ([]bot.Bot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []bot.Bot
	for _, b := range slices.Backward(m.bots) {
		if b.TenantID == tenantID {
			list = append(list, b)
		}
	}
	return after(list, p, func(b bot.Bot) string { return b.ID }), nil
}

func (m *memoryBots) UpdateBot(_ context.Context, _ string, changed bot.Bot) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, b := range m.bots {
		if b.ID == changed.ID {
			m.bots[i] = configured(changed, m.configs[b.ConfigID])
		}
	}
	return nil
}

func (m *memoryBots) DeleteBot(_ context.Context, tenantID, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bots = slices.DeleteFunc(m.bots, func(b bot.Bot) bool { return b.ID == id && b.TenantID == tenantID })
	return nil
}

// after returns the part of a list that follows the page's key, and one more
// than its limit.
func (m *memoryBots) Account(ctx context.Context, tenantID, id string) (account.Account, error) {
	return m.db.Account(ctx, tenantID, id)
}

func (m *memoryBots) LockAccount(ctx context.Context, tenantID, id string) (account.Account, error) {
	return m.db.LockAccount(ctx, tenantID, id)
}

func (m *memoryBots) PaperRun(_ context.Context, _, _ string, _, _ time.Time) (bot.PaperRun, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.paper, nil
}

func (m *memoryBots) Claims(_ context.Context, tenantID, accountID, _ string, _ time.Time) (list []bot.Claim, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.configs {
		if c.TenantID == tenantID && c.AccountID == accountID {
			list = append(list, bot.Claim{BotID: c.BotID, Name: c.Name, Amount: c.Balance})
		}
	}
	return list, nil
}

func (m *memoryBots) Stake(ctx context.Context, tenantID, botID string) (bot.Stake, error) {
	return m.db.Stake(ctx, tenantID, botID)
}

func (m *memoryBots) WriteOff(ctx context.Context, tenantID, botID string, why map[int64]string, stopping bool, at time.Time) error {
	return m.db.WriteOff(ctx, tenantID, botID, why, stopping, at)
}

func (m *memoryBots) CloseBooks(ctx context.Context, tenantID, botID string) error {
	return m.db.CloseBooks(ctx, tenantID, botID)
}

func after[T any](list []T, p page.Page, key func(T) string) []T {
	if p.After != "" {
		i := slices.IndexFunc(list, func(v T) bool { return key(v) == p.After })
		list = list[i+1:]
	}
	return list[:min(len(list), p.Limit+1)]
}

// memoryJournal is a journal in memory, by bot, newest first.
type memoryJournal struct {
	mu        sync.Mutex
	owner     map[string]string
	orders    map[string][]journal.Order
	fills     map[string][]journal.Fill
	decisions map[string][]journal.Decision
	equity    map[string][]journal.EquityPoint
	points    map[string]journal.Checkpoint
	plots     map[string][]journal.Plot
}

func newMemoryJournal() *memoryJournal {
	return &memoryJournal{
		owner: map[string]string{}, orders: map[string][]journal.Order{}, fills: map[string][]journal.Fill{},
		decisions: map[string][]journal.Decision{}, equity: map[string][]journal.EquityPoint{}, points: map[string]journal.Checkpoint{},
		plots: map[string][]journal.Plot{},
	}
}

// commit keeps entries as a journal would.
func (m *memoryJournal) commit(entries ...journal.Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range entries {
		id := e.BotID
		m.owner[id] = e.TenantID
		for _, o := range e.Orders {
			if i := slices.IndexFunc(m.orders[id], func(old journal.Order) bool { return old.ClientID == o.ClientID }); i >= 0 {
				m.orders[id][i] = o
				continue
			}
			m.orders[id] = slices.Insert(m.orders[id], 0, o)
		}
		for _, f := range e.Fills {
			m.fills[id] = slices.Insert(m.fills[id], 0, f)
		}
		for _, d := range e.Decisions {
			m.decisions[id] = slices.Insert(m.decisions[id], 0, d)
		}
		m.equity[id] = append(m.equity[id], e.Equity...)
		m.plots[id] = append(m.plots[id], e.Plots...)
		if e.Checkpoint != nil {
			m.points[id] = *e.Checkpoint
		}
	}
}

func (m *memoryJournal) Summaries(_ context.Context, tenantID string, ids ...string) (map[string]journal.Summary, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]journal.Summary{}
	for id := range maps.Keys(m.points) {
		if m.owner[id] == tenantID && slices.Contains(ids, id) {
			out[id] = m.points[id].Summary
		}
	}
	return out, nil
}

func listOf[T any](m *memoryJournal, lists map[string][]T, tenantID, botID string, p page.Page, key func(T) int64) ([]T, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owner[botID] != tenantID {
		return nil, nil
	}
	return slices.Clone(after(lists[botID], p.Bounded(), func(v T) string { return strconv.FormatInt(key(v), 10) })), nil
}

func (m *memoryJournal) Orders(_ context.Context, tenantID, botID string, p page.Page) ([]journal.Order, error) {
	return listOf(m, m.orders, tenantID, botID, p, func(o journal.Order) int64 { return o.Number })
}

func (m *memoryJournal) Fills(_ context.Context, tenantID, botID string, p page.Page) ([]journal.Fill, error) {
	return listOf(m, m.fills, tenantID, botID, p, func(f journal.Fill) int64 { return f.Sequence })
}

func (m *memoryJournal) Decisions(_ context.Context, tenantID, botID string, p page.Page) ([]journal.Decision, error) {
	return listOf(m, m.decisions, tenantID, botID, p, func(d journal.Decision) int64 { return d.Number })
}

func (m *memoryJournal) OpenOrders(ctx context.Context, tenantID, botID string) ([]journal.Order, error) {
	list, err := m.Orders(ctx, tenantID, botID, page.Page{Limit: page.MaxLimit})
	return slices.DeleteFunc(list, func(o journal.Order) bool { return o.State.Final() }), err
}

func (m *memoryJournal) DailyEquity(ctx context.Context, tenantID, botID string, since time.Time) ([]journal.EquityPoint, error) {
	all, err := m.Equity(ctx, tenantID, botID, journal.EquityQuery{From: since, Points: math.MaxInt})
	var days []journal.EquityPoint
	for i, p := range all {
		if i+1 == len(all) || !all[i+1].Time.Add(-1).Truncate(24*time.Hour).Equal(p.Time.Add(-1).Truncate(24*time.Hour)) {
			days = append(days, p)
		}
	}
	return days, err
}

func (m *memoryJournal) Plots(_ context.Context, tenantID, botID string) ([]journal.Plot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owner[botID] != tenantID {
		return nil, nil
	}
	return slices.Clone(m.plots[botID]), nil
}

func (m *memoryJournal) Equity(_ context.Context, tenantID, botID string, q journal.EquityQuery) ([]journal.EquityPoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owner[botID] != tenantID {
		return nil, nil
	}
	var list []journal.EquityPoint
	for _, p := range m.equity[botID] {
		if (q.From.IsZero() || !p.Time.Before(q.From)) && (q.To.IsZero() || p.Time.Before(q.To)) {
			list = append(list, p)
		}
	}
	most := cmp.Or(q.Points, 500)
	if len(list) <= most {
		return list, nil
	}
	thin := make([]journal.EquityPoint, 0, most)
	for i := range most {
		thin = append(thin, list[i*(len(list)-1)/max(1, most-1)])
	}
	return thin, nil
}

// hub delivers live updates to whoever is subscribed.
type hub struct {
	mu   sync.Mutex
	subs map[chan live.Update]string
}

func newHub() *hub { return &hub{subs: map[chan live.Update]string{}} }

func (h *hub) Subscribe(ctx context.Context, tenantID, botID string) (<-chan live.Update, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ch := make(chan live.Update, 1024)
	h.subs[ch] = tenantID + "/" + botID
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.subs, ch)
	})
	return ch, nil
}

// publish delivers an update and returns how many got it.
func (h *hub) publish(tenantID, botID string, u live.Update) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for ch, key := range h.subs {
		if key == tenantID+"/"+botID {
			ch <- u
			n++
		}
	}
	return n
}

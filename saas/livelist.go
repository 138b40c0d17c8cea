package saas

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/errs"
)

// CodePairUnknown is the code of the Invalid error of a start whose venue does not have
// a pair that is to be offered.
const CodePairUnknown = "market_pair_unknown"

// CodeKeyRefused is the code of the Invalid error of a start whose venue does not
// take the key that the market is read with.
const CodeKeyRefused = "market_key_refused"

// hear reads the venue's markets and, as long as that is not known, tries the key.
func (m *liveMarket) hear(ctx context.Context) error {
	data := m.cfg.Data("bots")
	list, err := data.Markets(ctx)
	if err == nil {
		err = m.learn(ctx, list)
	}
	m.mu.Lock()
	tried := m.heard
	m.mu.Unlock()
	if err == nil && !tried {
		err = m.try(ctx, data)
	}
	if err == nil {
		m.reach(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault = err; err == nil {
		m.heard = true
	}
	return err
}

// reach finds out with whose calls at the venue those of this installation are counted. A
// key that may not look at balances leaves that open.
func (m *liveMarket) reach(ctx context.Context) {
	if m.budget == nil || m.cfg.Wallets == nil {
		return
	}
	ids, err := m.cfg.Wallets(ctx)
	if err == nil {
		err = m.budget.Reach(ctx, ids)
	}
	if err != nil && ctx.Err() == nil {
		m.log.InfoContext(ctx, "whose account the market is read with is not known", "market", m.cfg.Title, "error", err)
	}
}

// try asks for a candle, which takes a key.
func (m *liveMarket) try(ctx context.Context, data exchange.MarketData) error {
	pairs := m.Pairs()
	if len(pairs) == 0 {
		return fmt.Errorf("%s has no market that is open", m.cfg.Title)
	}
	_, err := data.Candles(ctx, pairs[0], time.Minute, m.cfg.Now().Add(-5*time.Minute), 1)
	if exchange.KindOf(err) == exchange.KindKey {
		key := m.cfg.Key
		if key == "" {
			key = "the venue's key"
		}
		return errs.New(errs.Invalid, CodeKeyRefused, "%s refuses %s, without which there are no candles and no stream: %v", m.cfg.Title, key, err)
	}
	return err
}

// learn takes a new list of the venue's.
func (m *liveMarket) learn(ctx context.Context, told []exchange.Market) error {
	for _, pair := range m.cfg.Pairs {
		if !slices.ContainsFunc(told, func(x exchange.Market) bool { return x.Pair == pair }) {
			return errs.New(errs.Invalid, CodePairUnknown, "%s has no market %q to be offered (LUNOBOT_PAIRS)", m.cfg.Title, pair)
		}
	}
	m.mu.Lock()
	before := slices.Clone(m.list)
	first := !m.heard
	m.mu.Unlock()
	var counted []string
	if first && len(before) > 0 {
		var err error
		if counted, err = m.store.BotPairs(ctx); err != nil {
			return err
		}
	}
	var list []exchange.Market
	changed := map[string]bool{}
	for _, now := range told {
		i := slices.IndexFunc(before, func(old exchange.Market) bool { return old.Pair == now.Pair })
		switch {
		case i < 0 && (now.Status != exchange.MarketActive || !m.offered(now.Pair)):
			continue
		case i >= 0 && (!before[i].Tick.Equal(now.Tick) || !before[i].Step.Equal(now.Step)) && (!first || slices.Contains(counted, now.Pair)):
			m.log.WarnContext(ctx, "a market has another tick or step than its bots have counted in", "trading_pair", now.Pair,
				"tick", now.Tick, "step", now.Step, "was_tick", before[i].Tick, "was_step", before[i].Step)
			changed[now.Pair] = true
			now.Tick, now.Step = before[i].Tick, before[i].Step
			now.MinVolume, now.MaxVolume, now.MinPrice, now.MaxPrice = before[i].MinVolume, before[i].MaxVolume, before[i].MinPrice, before[i].MaxPrice
		}
		list = append(list, now)
	}
	for _, old := range before { // what the venue tells no more is still some bots'
		if !slices.ContainsFunc(list, func(n exchange.Market) bool { return n.Pair == old.Pair }) {
			old.Status = exchange.MarketDisabled
			list = append(list, old)
		}
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("encoding markets: %w", err)
	}
	was, err := m.store.EnsureSetting(ctx, listSetting+m.cfg.Name, string(raw))
	if err == nil && was != string(raw) {
		// If another process was faster, it has told what the venue told.
		_, err = m.store.SwapSetting(ctx, listSetting+m.cfg.Name, was, string(raw))
	}
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list, m.changed = list, changed
	return nil
}

// offered reports whether bots may be made of a pair.
func (m *liveMarket) offered(pair string) bool {
	return len(m.cfg.Pairs) == 0 || slices.Contains(m.cfg.Pairs, pair)
}

// keep reads the list anew from time to time; with it ends what is asked for pages.
func (m *liveMarket) keep(ctx context.Context) {
	defer m.last.end()
	backoff := exchange.Backoff{Min: 2 * time.Second, Max: time.Minute, Rand: rand.Float64}
	for failures := 0; ; {
		pause := listEvery
		if m.ready() != nil || failures > 0 {
			pause = backoff.Pause(failures)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if err := m.hear(ctx); err != nil {
			if failures++; ctx.Err() == nil {
				m.log.WarnContext(ctx, "reading the venue's markets", "market", m.cfg.Title, "error", err)
			}
			continue
		}
		failures = 0
	}
}

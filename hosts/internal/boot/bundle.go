package boot

import (
	"github.com/lunobot/lunobot/plugins"
	"github.com/lunobot/lunobot/plugins/basic/basic"
	"github.com/lunobot/lunobot/plugins/bollinger/bollinger"
	"github.com/lunobot/lunobot/plugins/breakout/breakout"
	"github.com/lunobot/lunobot/plugins/dca/dca"
	"github.com/lunobot/lunobot/plugins/grid/grid"
	"github.com/lunobot/lunobot/plugins/macd/macd"
	"github.com/lunobot/lunobot/plugins/marketmaker/marketmaker"
	"github.com/lunobot/lunobot/plugins/rebalance/rebalance"
	"github.com/lunobot/lunobot/plugins/rsi/rsi"
	"github.com/lunobot/lunobot/plugins/rules/rules"
	"github.com/lunobot/lunobot/plugins/signals/signals"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/plugin"
)

// Bundle returns the strategies that the hosts contain. A host's main begins
// with its ServeIfChild, because the host starts them by executing itself.
func Bundle() plugin.Bundle {
	list := []strategy.Definition{
		basic.Definition(), bollinger.Definition(), breakout.Definition(), dca.Definition(), grid.Definition(),
		macd.Definition(), marketmaker.Definition(), rebalance.Definition(), rsi.Definition(), rules.Definition(),
		signals.Definition(),
	}
	for i, d := range list {
		list[i] = d.WithGuide(plugins.Guide(d.Info().Name))
	}
	b, err := plugin.NewBundle(list...)
	if err != nil {
		panic(err) // the list above is at fault, and every test shows it
	}
	return b
}

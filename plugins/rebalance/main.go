// Command rebalance keeps a share of the account in one currency, as a plugin.
package main

import (
	_ "embed"

	"github.com/lunobot/lunobot/plugins/rebalance/rebalance"
	"github.com/lunobot/lunobot/strategy/plugin"
)

//go:embed README.md
var guide string

func main() { plugin.Serve(rebalance.Definition().WithGuide(guide)) }

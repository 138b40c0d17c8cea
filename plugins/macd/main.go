// Command macd is the cross of MACD and its signal line as a plugin.
package main

import (
	"github.com/lunobot/lunobot/plugins/macd/macd"
	"github.com/lunobot/lunobot/strategy/plugin"
)

func main() { plugin.Serve(macd.Definition()) }

"""The study's pipeline: one module a stage, four rooms behind them (corpora, recurrent, population, findings)."""

"""Suite on what CP promises: clients at work while something happens, judged by the history."""

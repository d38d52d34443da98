"""Who sells here beside the shop itself: applications, decisions about them, and where sellers are paid."""

"""What staff see of people: finding them, helping them, and the trail. Nobody acts in somebody else's name."""

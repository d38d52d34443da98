"""What people say of themselves and wish: their picture, their language, which mail they want."""

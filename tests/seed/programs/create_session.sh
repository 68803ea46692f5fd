curl -X POST http://localhost:5000/api/sessions \
  -H "Authorization: Bearer <your-jwt-token>" \
  -H "Content-Type: application/json" \
  -d '{"notes": "Friday Game Night"}'

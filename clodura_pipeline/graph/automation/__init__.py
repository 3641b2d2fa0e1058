"""What starts runs and sends alerts: schedules and sensors."""
